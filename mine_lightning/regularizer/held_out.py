"""The estimate on pairs that T was not trained on, gathered over a validation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mine_lightning.estimator import MINE, joined
from mine_lightning.regularizer.ranks import Ranks

__all__ = ["HeldOut"]


class HeldOut:
    """Gathers T's scores on validation batches; the bound's value is taken over all of them at once.

    Args:
        limit: pairs of each validation and process that are used, at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._scores: list[tuple[Tensor, Tensor]] = []

    @property
    def pairs(self) -> int:
        """How many pairs of this process there are so far."""
        return sum(len(joint) for joint, _ in self._scores)

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self.pairs >= self.limit

    @torch.no_grad()
    def add(self, mine: MINE, x: Tensor, z: Tensor, batch_idx: int) -> None:
        """Score the pairs of a batch, in T's evaluation mode."""
        mine.eval()
        with torch.autocast(x.device.type, enabled=False):
            self._scores.append(mine.scores(x, z, f"validation {batch_idx}"))
        mine.train()

    def estimate(self, mine: MINE, ranks: Ranks, world_size: int) -> tuple[Tensor, Tensor] | None:
        """Return the value in nats and its standard error, or None where some process has no pairs."""
        if not ranks.all(bool(self._scores)):
            return None
        joint, marginal = joined(self._scores)
        # of n independent shares of the pairs the mean has 1/sqrt(n) of a share's error
        stderr = mine.bound.stderr(joint, marginal).float() / math.sqrt(world_size)
        return mine.bound(joint, marginal).float(), stderr

    def clear(self) -> None:
        """Let go of the scores."""
        self._scores.clear()
