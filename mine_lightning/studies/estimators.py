"""The estimators that a study sets side by side."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mine_lightning.baselines import ksg
from mine_lightning.bounds import Bound
from mine_lightning.errors import InputError
from mine_lightning.estimation import estimate_mi
from mine_lightning.estimation.cross_fit import parts_of
from mine_lightning.estimation.pairs import Pairs, read_pairs
from mine_lightning.estimation.surroundings import on_its_own
from mine_lightning.estimation.training import Training, split, train
from mine_lightning.estimation.value import score_matrix
from mine_lightning.held_out import HeldOut
from mine_lightning.networks import MLPStatistics
from mine_lightning.types import StatisticsFactory

__all__ = ["CrossFitted", "Estimator", "NearestNeighbours", "Reading", "Trained"]


class Reading(NamedTuple):
    """What an estimator says of a data set.

    Attributes:
        nats: the estimate.
        stderr: its standard error as the estimator itself tells it, nats; NaN where it tells none.
    """

    nats: float
    stderr: float


class Estimator(ABC):
    """Anything that estimates I(x; z) from pairs."""

    @abstractmethod
    def __call__(self, x: Tensor, z: Tensor, seed: int) -> Reading:
        """Return the estimate from x ``[n, *]`` and z ``[n, *]``; ``seed`` sets what is random in it."""


class CrossFitted(Estimator):
    """:func:`mine_lightning.estimate_mi`.

    Args:
        settings: its arguments beside x, z and seed.

    Raises:
        InputError: for a setting that it does not have.
    """

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.settings = settings or {}
        known = set(inspect.signature(estimate_mi).parameters) - {"x", "z", "seed"}
        for name in self.settings:
            if name not in known:
                raise InputError(
                    f"Expected one of {', '.join(sorted(known))} in settings but got {name!r}; correct it."
                )

    def __call__(self, x: Tensor, z: Tensor, seed: int) -> Reading:
        estimate = estimate_mi(x, z, seed=seed, **self.settings)
        return Reading(estimate.nats, estimate.stderr)


class NearestNeighbours(Estimator):
    """:func:`mine_lightning.baselines.ksg`, the reference of the paper.

    Args:
        k: neighbours.
    """

    def __init__(self, k: int = 3) -> None:
        self.k = k

    def __call__(self, x: Tensor, z: Tensor, seed: int) -> Reading:
        return Reading(ksg(x, z, self.k), math.nan)


class Trained(Estimator):
    """The paper's estimator with a bound of one's choice: T on the concatenated pair, the value on held-out pairs.

    T is trained by :class:`mine_lightning.MINE` on all folds but one, a tenth of whose pairs choose where to stop by
    the bound's own value, and the bound is read on the fold left out; the estimate is the mean over the folds. The
    margins are standardised, no more: what sets it apart from :func:`mine_lightning.estimate_mi`, beside the bound.

    Source: Belghazi et al., ICML 2018, algorithm 1; which pairs the value is read on, the paper does not say.

    Args:
        bound: what T ascends and what is read.
        statistics_network: makes T from the shapes of x and z; a perceptron by default.
        folds: parts of the data, at least 2.
        max_steps: optimizer steps a fold at most; by the size of the data by default.

    Raises:
        InputError: for fewer than 2 folds or 1 step.
    """

    def __init__(
        self,
        bound: Bound,
        statistics_network: StatisticsFactory = MLPStatistics,
        folds: int = 3,
        max_steps: int | None = None,
    ) -> None:
        if folds < 2:
            raise InputError(f"Expected at least 2 folds but got {folds}; T must be read on pairs it has not seen.")
        if max_steps is not None and max_steps < 1:
            raise InputError(f"Expected max_steps >= 1 but got {max_steps}.")
        self.bound = bound
        self.statistics_network = statistics_network
        self.folds = folds
        self.max_steps = max_steps

    def __call__(self, x: Tensor, z: Tensor, seed: int) -> Reading:
        with on_its_own():
            return self._estimate(x, z, seed)

    def _estimate(self, x: Tensor, z: Tensor, seed: int) -> Reading:
        if len(x) < 10 * self.folds:
            raise InputError(f"Expected at least 10 pairs a fold but got {len(x)} for {self.folds} folds.")
        pairs = Pairs(*read_pairs(x, z), gaussianise=False, seed=seed)
        training = Training.for_size(len(pairs) - len(pairs) // self.folds, self.max_steps)
        values = []
        for k, part in enumerate(parts_of(len(pairs), self.folds, seed)):
            bound = deepcopy(self.bound)  # its moving average belongs to one training
            stop = train(
                self.statistics_network, pairs, part.training, part.validation, training, seed + k, bound=bound
            )
            values.append(_read(bound, stop.kept, pairs, part.held_out))
        nats, variance = (sum(column) / len(values) for column in zip(*values, strict=True))
        return Reading(nats, math.sqrt(variance / len(values)))


@torch.no_grad()
def _read(bound: Bound, network: nn.Module, pairs: Pairs, index: Tensor) -> tuple[float, float]:
    """Return a bound's value on the pairs at ``index`` and the square of its standard error."""
    held_out = HeldOut()
    blocks = index.tensor_split(math.ceil(len(index) / 1000))
    scores = [split(score_matrix(network, *pairs[block])) for block in blocks]
    partners = min(marginal.shape[1] for _, marginal in scores)  # the longer blocks have one more
    for joint, marginal in scores:
        held_out.add(joint, marginal[:, :partners])
    value, stderr = held_out.estimate(bound.eval(), world_size=1) or (torch.tensor(math.nan),) * 2
    return value.item(), stderr.item() ** 2
