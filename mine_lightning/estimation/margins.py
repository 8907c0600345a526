"""One-to-one maps of each side to what a statistics network learns from best: they change no information."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["Margin", "NormalMargins", "OneHot", "Standardised", "fit_margin"]

SAMPLE = 2**17  # rows that a margin is fitted on at most: it must not grow with the data


class Margin(ABC):
    """Maps raw samples ``[n, *]`` to float32 network input ``[n, *shape]``."""

    shape: tuple[int, ...]
    name: str

    @abstractmethod
    def __call__(self, raw: Tensor) -> Tensor:
        """Return the network's input for raw samples."""


class NormalMargins(Margin):
    """Give each coordinate a standard normal margin by its rank; equal values share the middle of their ranks.

    Args:
        sample: raw vectors ``[m, d]`` that the ranks are those of.
    """

    name = "normal"

    def __init__(self, sample: Tensor) -> None:
        self.shape = (sample.shape[1],)
        self.sorted = sample.T.contiguous().sort(dim=1).values

    def __call__(self, raw: Tensor) -> Tensor:
        columns, m = raw.T.contiguous(), self.sorted.shape[1]
        below = torch.searchsorted(self.sorted, columns)
        up_to = torch.searchsorted(self.sorted, columns, right=True)
        level = (below + up_to).double() / (2 * m)
        return torch.special.ndtri(level.clamp(0.5 / m, 1 - 0.5 / m)).T.float()


class Standardised(Margin):
    """Shift and scale to mean 0 and standard deviation 1: each coordinate of a vector, each channel of an image.

    Args:
        sample: raw vectors ``[m, d]`` or images ``[m, channels, height, width]``.
    """

    name = "standardised"

    def __init__(self, sample: Tensor) -> None:
        self.shape = tuple(sample.shape[1:])
        others = [axis for axis in range(sample.ndim) if axis != 1]
        sample = sample.double()
        # by a power of two first, which is exact, so that no unit is too small or too large to be squared
        exponent = torch.frexp(sample.abs().amax(dim=others, keepdim=True)).exponent - 1
        self.unit = torch.ldexp(torch.ones_like(exponent, dtype=torch.float64), exponent)
        std, self.mean = torch.std_mean(sample / self.unit, dim=others, keepdim=True)
        self.std = std.where(std > 1e-15, torch.ones_like(std))  # of a constant channel it is rounding

    def __call__(self, raw: Tensor) -> Tensor:
        return ((raw.double() / self.unit - self.mean) / self.std).float()


class OneHot(Margin):
    """Turn labels ``[n, 1]`` into one-hot vectors over the labels that occur.

    Args:
        labels: the distinct labels.
    """

    name = "labels"

    def __init__(self, labels: Tensor) -> None:
        self.labels = labels.sort().values
        self.shape = (len(labels),)

    def __call__(self, raw: Tensor) -> Tensor:
        return (raw == self.labels).float()


def fit_margin(raw: Tensor, labels: Tensor | None, gaussianise: bool, generator: torch.Generator) -> Margin:
    """Return the margin for a side: labels one-hot, images standardised, vectors by rank or standardised.

    Args:
        raw: all samples ``[n, *]``.
        labels: the distinct labels, where the side is one.
        gaussianise: whether vectors get normal margins.
        generator: draws the rows to fit on, where there are too many.
    """
    if labels is not None:
        return OneHot(labels)
    if len(raw) > SAMPLE:
        rows = torch.randint(len(raw), (SAMPLE,), generator=generator).sort().values
        raw = raw[rows]
    return NormalMargins(raw) if gaussianise and raw.ndim == 2 else Standardised(raw)
