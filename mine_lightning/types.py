"""What several rooms hand to each other, named once: callables, a code and its density, what figures are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.errors import InputError

__all__ = [
    "Code",
    "JointFactory",
    "ModuleFactory",
    "OptimizerFactory",
    "PlanePoint",
    "Row",
    "ScheduleFactory",
    "Shape",
    "StatisticsFactory",
    "made",
    "scores_all_pairs",
]

Shape = tuple[int, ...]

StatisticsFactory = Callable[[Shape, Shape], nn.Module]
"""``(x_shape, z_shape) -> T``; both shapes without the batch axis."""


def scores_all_pairs(network: nn.Module) -> bool:
    """Return whether T has a method ``matrix(x, z) -> [n of x, n of z]``, not a layer or a weight of that name."""
    found = getattr(network, "matrix", None)
    return callable(found) and not isinstance(found, nn.Module)


OptimizerFactory = Callable[[Iterable[Any]], Optimizer]
"""``parameters -> optimizer``; ``torch.optim.Adam`` is one."""

ScheduleFactory = Callable[[Optimizer], LRScheduler]
"""``optimizer -> learning-rate schedule``; ``torch.optim.lr_scheduler.CosineAnnealingLR`` with its T_max is one."""

ModuleFactory = Callable[[int], nn.Module]
"""``size -> module``: a discriminator from the channels of its images, an encoder from the length of its output."""

JointFactory = Callable[[int, int], nn.Module]
"""``(features, latent) -> module``: what a discriminator of pairs adds to one of images."""


def made(name: str, make: Callable[[Any], Any], of: Any) -> Any:
    """Return what a factory of the user's makes, an optimizer or a schedule.

    Raises:
        InputError: if it refuses its own arguments, such as a learning rate below 0.
    """
    try:
        return make(of)
    except (ValueError, TypeError, ArithmeticError, AssertionError) as error:
        raise InputError(
            f"Expected {name} with arguments that it takes but it failed: {' '.join(str(error).split())}; correct them."
        ) from error


class Code(NamedTuple):
    """One draw of z for each x of a batch, and its density q(z|x) where that is known: a diagonal Gaussian.

    Attributes:
        z: the draw, ``[n, latent]``.
        mean: of q(z|x), ``[n, latent]``; None where the density is not known, or there is none.
        std: standard deviation of q(z|x) in each dimension, ``[n, latent]``; None likewise.
    """

    z: Tensor
    mean: Tensor | None = None
    std: Tensor | None = None


class PlanePoint(NamedTuple):
    """Where a layer stood in the information plane after an epoch.

    Attributes:
        epoch: counted from 0, as Lightning's ``current_epoch``.
        layer: its name in logs and legends.
        mi_x: estimate of I(x; layer), nats.
        mi_y: estimate of I(layer; y), nats.
        pairs: held-out pairs that both were estimated on.
    """

    epoch: int
    layer: str
    mi_x: float
    mi_y: float
    pairs: int


class Row(NamedTuple):
    """What an estimator said of one data set of a study.

    Attributes:
        panel: the part of the figure it belongs to.
        at: its place on the axis.
        n: number of pairs.
        dataset: number of the data set, from 0 on.
        truth: the mutual information of the distribution, nats.
        estimator: which one.
        nats: its estimate.
        stderr: the standard error that it tells itself, nats; NaN where it tells none.
        seconds: what it took.
    """

    panel: str
    at: float
    n: int
    dataset: int
    truth: float
    estimator: str
    nats: float
    stderr: float
    seconds: float
