"""What must hold of mutual information whatever the truth is: tests of an estimate that need no known answer.

Source: Song and Ermon, Understanding the Limitations of Variational Mutual Information Estimators, ICLR 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mine_lightning.estimation.pairs import Side
from mine_lightning.estimation.result import Check, MIEstimate

__all__ = ["check", "related"]

SLACK = 0.02  # nats; what three standard errors leave to a T that is not the best


def check(estimate: MIEstimate, x: Side, z: Side, again: Callable[[Side, Side], MIEstimate]) -> dict[str, Check]:
    """Return the three checks of an estimate.

    Args:
        estimate: the estimate of I(x; z).
        x: as it was given.
        z: as it was given.
        again: makes an estimate of another two sides, with the same settings.
    """
    found = {}
    for name, (left, right, factor) in related(x, z).items():
        other = again(left, right)
        expected = factor * estimate.nats
        noise = 3 * math.hypot(other.stderr, factor * estimate.stderr) + SLACK
        # what T might have learned from more data may differ between the two
        gap = _gap(other) + factor * _gap(estimate)
        found[name] = Check(expected, other.nats, noise + gap)
    return found


def _gap(estimate: MIEstimate) -> float:
    """Return how much higher T scores on the pairs it was trained on, which the interval has twice."""
    low, high = estimate.interval
    return (high + low) / 2 - estimate.nats


def related(x: Side, z: Side) -> dict[str, tuple[Side, Side, int]]:
    """Return, by name, two sides and how many times I(x; z) they share.

    * independence: each x with the z of another pair, 0 times;
    * data processing: z beside a function of it (its squares, an image's mirror image), once;
    * additivity: two pairs side by side, twice. They are from one data set in two orders, as good as independent.
    """
    n = len(x.raw)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1))
    elsewhere = order.roll(1)  # beside `order`: each pair with one that is not itself
    another = torch.empty_like(order)
    another[order] = elsewhere
    beside = _beside(z, Side(_function(z.raw), z.labels))
    left, right = (_beside(side, Side(side.raw[another], side.labels)) for side in (x, z))
    return {
        "independence": (x, Side(z.raw[another], z.labels), 0),
        "data processing": (x, beside, 1),
        "additivity": (left, right, 2),
    }


def _function(raw: Tensor) -> Tensor:
    return raw.flip(-1) if raw.ndim == 4 else raw.double().square()


def _beside(a: Side, b: Side) -> Side:
    """Return two sides as one: vectors side by side, images as further channels, a label as one-hot first."""
    if a.labels is not None:
        return Side(torch.cat([(a.raw == a.labels).double(), _one_hot(b)], dim=1), None)
    kind = torch.promote_types(a.raw.dtype, b.raw.dtype)  # in x's own, squares of z may overflow
    return Side(torch.cat([a.raw.to(kind), b.raw.to(kind)], dim=1), None)


def _one_hot(side: Side) -> Tensor:
    labels = side.raw.unique()
    return (side.raw == labels).double()
