"""The value of a bound on pairs that T was not trained on, gathered over the batches of a validation."""

from __future__ import annotations

import math
from collections import Counter

import torch
from torch import Tensor

from mine_lightning.bounds import Bound

__all__ = ["HeldOut"]


class HeldOut:
    """Gathers T's scores of validation batches; the bound is read on all of them at once, not batch by batch.

    Args:
        limit: of the pairs of each validation and process; whole batches are used until there are so many, all of
            them by default.
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

        Batches differ in the partners that each of their samples has. As many count as most samples have: of more, the
        first; a batch of fewer, as the last one may be, is left out, for it would cap what the others can show.

        Args:
            bound: whose value.
            world_size: processes that gathered their own share each, and over which both numbers will be averaged.
        """
        if not self._scores:
            return None
        samples: Counter[int] = Counter()
        for joint, marginal in self._scores:
            samples[marginal.shape[1]] += len(joint)
        k = max(samples, key=lambda partners: (samples[partners], partners))
        kept = [(joint, marginal[:, :k]) for joint, marginal in self._scores if marginal.shape[1] >= k]
        joint, marginal = (torch.cat(scores) for scores in zip(*kept, strict=True))
        # of n independent shares of the pairs the mean has 1/sqrt(n) of a share's error
        return bound(joint, marginal).float(), bound.stderr(joint, marginal).float() / math.sqrt(world_size)

    def clear(self) -> None:
        """Let go of the scores."""
        self._scores.clear()
