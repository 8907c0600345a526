"""What every bound is, and the log-mean-exp that they share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mine_lightning.precision import full
from mine_lightning.processes import world_size

__all__ = ["Bound", "log_mean_exp", "log_mean_exp_over_ranks"]


def log_mean_exp(scores: Tensor) -> Tensor:
    """Return ``log(mean(exp(scores)))`` over all elements, without overflow; a scalar in nats."""
    return torch.logsumexp(scores.flatten(), dim=0) - math.log(scores.numel())


def log_mean_exp_over_ranks(scores: Tensor) -> Tensor:
    """Return the log-mean-exp of the scores of all processes together, without gradient.

    Each process counts the same, as it does where its gradient is averaged with the others', whatever its batch size.
    """
    own = log_mean_exp(scores.detach())
    if world_size() == 1:
        return own
    gathered = [torch.empty_like(own) for _ in range(world_size())]
    dist.all_gather(gathered, own)
    return log_mean_exp(torch.stack(gathered))


class Bound(nn.Module, ABC):
    """A lower bound on mutual information; the room's first lines state the contract."""

    shift_invariant: bool = False
    parts: int | None = None  # of z, where T scores each on its own

    @abstractmethod
    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        """Return the value in nats, a differentiable scalar, from scores ``[n]`` and ``[n, k]``."""

    def objective(self, joint: Tensor, marginal: Tensor) -> Tensor:
        """Return the scalar that T ascends; by default the bound itself."""
        return self(joint, marginal)

    @abstractmethod
    def ratios(self, marginal: Tensor) -> Tensor:
        """Return, per marginal score, its share in the bound's second term: an estimate of dP(X,Z)/dP(X)P(Z)."""

    def drift(self, marginal: Tensor) -> Tensor | None:
        """Return how far a batch is from the bound's moving average, in nats; None for a bound that keeps none."""
        return None

    def limit(self, n: int, k: int) -> float:
        """Return the most, in nats, that n samples with k marginal pairs each can show."""
        return math.log(n * k)

    def contributions(self, joint: Tensor, marginal: Tensor) -> Tensor:
        """Return how much each sample contributes to the value, ``[n]``, up to a constant (delta method)."""
        return full(joint) - self.ratios(full(marginal)).mean(dim=1)

    @torch.no_grad()
    def stderr(self, joint: Tensor, marginal: Tensor) -> Tensor:
        """Return the value's standard error in nats, from how much each sample contributes.

        It covers the noise of the n samples, not what T misses. Scores of this process alone. A marginal pair counts
        for its x, not for the other sample that its z is from: near the best T that is right to a tenth; for a T that
        is overconfident it is a quarter too low, for one that reads z alone, too high.
        """
        return self.contributions(joint, marginal).std() / math.sqrt(len(joint))
