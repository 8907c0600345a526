"""What every distribution with known mutual information offers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["KnownMI"]


class KnownMI(ABC):
    """A joint distribution of x and z; the room's first lines state the contract."""

    @property
    @abstractmethod
    def name(self) -> str:
        """A few letters that tell it from the others."""

    @property
    @abstractmethod
    def mi(self) -> float:
        """The mutual information I(x; z) in nats."""

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return n pairs from a generator on the CPU, in any floating type."""

    def sample(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Return n pairs, float32 x ``[n, *]`` and z ``[n, *]``, set by ``seed`` alone."""
        x, z = self.draw(n, torch.Generator().manual_seed(seed))
        return x.float(), z.float()

    def __repr__(self) -> str:
        return f"{self.name} ({self.mi:.3f} nats)"
