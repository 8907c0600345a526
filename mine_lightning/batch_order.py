"""Whether a validation's batches look as if their samples came in random order.

Marginal pairs are drawn within a batch. Where a data set is sorted, by class say, the partners in a batch share what it
is sorted by, and the value on held-out pairs says nothing of that part of the information.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["SORTED", "BatchOrder"]

SORTED = (
    "the validation batches differ from each other by more than batches in random order do, as where a data set is "
    "sorted by class, and partners are drawn within a batch. Bring the data into one random order, such as "
    "Subset(data, torch.randperm(len(data)).tolist())."
)
_FEWEST = 3  # batches
_COLUMNS = 256  # of each side that are looked at, at most
_SURE = 5.5  # standard deviations: two in a hundred million columns, as there are many, in many validations
# of a column's variance: 0.1 nats if it is Gaussian. MNIST as it is stored has 0.06, of no consequence
_MUCH = 0.2


class BatchOrder:
    """Compares how far the batches' means lie apart with how far they would in random order.

    In random order the variance of the means of n samples is a n-th of the samples' own, in every column of x and z.
    """

    def __init__(self) -> None:
        self._sides: dict[str, list[tuple[int, Tensor, Tensor]]] = {}

    def add(self, x: Tensor, z: Tensor) -> None:
        """Look at a batch ``[n, ...]`` of each side, of numbers or of labels."""
        for name, side in (("x", x), ("z", z)):
            columns = side.detach().reshape(len(side), -1)
            columns = columns[:, :: max(1, math.ceil(columns.shape[1] / _COLUMNS))].float()
            mean = columns.mean(0)
            self._sides.setdefault(name, []).append((len(side), mean, (columns - mean).square().mean(0)))

    @property
    def is_sorted(self) -> bool:
        """Whether a good part of x or z is in which batch a sample is in, and that not by chance."""
        return any(_is_sorted(batches) for batches in self._sides.values())

    def clear(self) -> None:
        """Forget the batches."""
        self._sides.clear()


def _is_sorted(batches: list[tuple[int, Tensor, Tensor]]) -> bool:
    size = max(n for n, *_ in batches)
    whole = [batch for batch in batches if batch[0] == size and batch[1].shape == batches[0][1].shape]
    if len(whole) < _FEWEST or size < 2:
        return False
    means = torch.stack([mean for _, mean, _ in whole]).double()
    within = torch.stack([variance for *_, variance in whole]).double()
    between = means.var(0)
    total = between + within.mean(0)
    columns = total.isfinite() & (total > 0)
    if not columns.any():
        return False
    excess = (size * between[columns] / total[columns]).max().item()  # about 1 in random order, size where all are pure
    # of one column chi-squared over its degrees of freedom, whose cube root is nearly normal (Wilson and Hilferty)
    spread = 2 / 9 / (len(whole) - 1)
    return excess > (1 - spread + _SURE * math.sqrt(spread)) ** 3 and (excess - 1) / size > _MUCH
