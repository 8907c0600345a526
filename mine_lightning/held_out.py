"""The value of a bound on pairs that T was not trained on, gathered over the batches of a validation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mine_lightning.bounds import Bound

__all__ = ["HeldOut"]


class HeldOut:
    """Gathers T's scores of validation batches; the bound is read on all of them at once, not batch by batch.

    Args:
        limit: pairs of each validation and process that are used, at most; all of them by default.
    """

    def __init__(self, limit: float = math.inf) -> None:
        self.limit = limit
        self._scores: list[tuple[Tensor, Tensor]] = []

    @property
    def pairs(self) -> int:
        """The pairs that have been gathered by this process."""
        return sum(len(joint) for joint, _ in self._scores)

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self.pairs >= self.limit

    def add(self, joint: Tensor, marginal: Tensor) -> None:
        """Take in a batch's scores ``[n]`` and ``[n, k]``."""
        self._scores.append((joint, marginal))

    def estimate(self, bound: Bound, world_size: int) -> tuple[Tensor, Tensor] | None:
        """Return the value in nats and its standard error, or None where nothing was gathered.

        A small batch has fewer partners for each sample: as many count as all batches have.

        Args:
            bound: whose value.
            world_size: processes that gathered their own share each, and over which both numbers will be averaged.
        """
        if not self._scores:
            return None
        k = min(marginal.shape[1] for _, marginal in self._scores)
        joint = torch.cat([joint for joint, _ in self._scores])
        marginal = torch.cat([marginal[:, :k] for _, marginal in self._scores])
        # of n independent shares of the pairs the mean has 1/sqrt(n) of a share's error
        return bound(joint, marginal).float(), bound.stderr(joint, marginal).float() / math.sqrt(world_size)

    def clear(self) -> None:
        """Let go of the scores."""
        self._scores.clear()
