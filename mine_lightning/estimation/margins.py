"""One-to-one maps of each side to what a statistics network learns from best: they change no information."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

__all__ = ["Margin", "NormalMargins", "OneHot", "Standardised", "fit_margin", "pieces"]

SAMPLE = 2**17, 2**26  # rows, and numbers of them, that a copy is made of at most: it must not grow with the data
NUMBERS = 2**21  # worked on at once: in double precision, several times over, all of them would take the data's memory


def pieces(raw: Tensor, numbers: int = 1) -> Iterator[tuple[int, Tensor]]:
    """Return runs of rows ``[m, *]`` of raw samples, with the first one's row.

    Args:
        raw: samples ``[n, *]``.
        numbers: what becomes of one, where it is more than its own: a piece has about 2 million.
    """
    rows = max(1, NUMBERS // max(numbers, math.prod(raw.shape[1:])))
    return ((start, raw[start : start + rows]) for start in range(0, len(raw), rows))


class Margin(ABC):
    """Maps raw samples ``[n, *]`` to float32 network input ``[n, *shape]``."""

    shape: tuple[int, ...]
    name: str

    @abstractmethod
    def __call__(self, raw: Tensor) -> Tensor:
        """Return the network's input for raw samples."""

    def of_all(self, raw: Tensor) -> Tensor:
        """Return the same for many samples, in little more memory than the network's input takes."""
        found = torch.empty(len(raw), *self.shape, dtype=torch.float32)
        for start, piece in pieces(raw, math.prod(self.shape)):
            found[start : start + len(piece)] = self(piece)
        return found


class NormalMargins(Margin):
    """Give each coordinate a standard normal margin by its rank; equal values share the middle of their ranks.

    Args:
        sample: raw vectors ``[m, d]`` that the ranks are those of.
    """

    name = "normal"

    def __init__(self, sample: Tensor) -> None:
        self.shape = (sample.shape[1],)
        self.sorted = sample.new_empty(sample.shape[::-1])
        for column, kept in zip(sample.T, self.sorted, strict=True):  # of all at once the order would be kept too
            kept.copy_(column.sort().values)

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
        # by a power of two first, which is exact, so that no unit is too small or too large to be squared
        largest = torch.stack([piece.double().abs().amax(dim=others, keepdim=True) for _, piece in pieces(sample)])
        exponent = torch.frexp(largest.amax(dim=0)).exponent - 1
        self.unit = torch.ldexp(torch.ones_like(exponent, dtype=torch.float64), exponent)
        count = math.prod(sample.shape[axis] for axis in others)
        corner = (slice(0, 1), slice(None), *[slice(0, 1)] * (sample.ndim - 2))
        first = sample[corner].double() / self.unit  # from it, so that what never varies has a spread of exactly 0
        self.mean = first + self._sum(sample, lambda scaled: scaled - first, others) / count
        squares = self._sum(sample, lambda scaled: (scaled - self.mean).square(), others)
        std = (squares / (count - 1)).sqrt()
        self.std = std.where(std > 1e-15, torch.ones_like(std))  # of a constant channel it is rounding

    def _sum(self, sample: Tensor, of: Callable[[Tensor], Tensor], axes: list[int]) -> Tensor:
        parts = (of(piece.double() / self.unit).sum(dim=axes, keepdim=True) for _, piece in pieces(sample))
        return torch.stack(list(parts)).sum(dim=0)

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
    normal = gaussianise and raw.ndim == 2
    if len(raw) > SAMPLE[0] or (normal and raw.numel() > SAMPLE[1]):  # moments need no copy of all rows, ranks do
        most = min(SAMPLE[0], max(SAMPLE[1] // math.prod(raw.shape[1:]), 2**12))
        if len(raw) > most:
            raw = raw[torch.randint(len(raw), (most,), generator=generator).sort().values]
    return NormalMargins(raw) if normal else Standardised(raw)
