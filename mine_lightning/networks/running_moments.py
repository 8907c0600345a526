"""Where a batch of codes lies and how far it spreads, and what of that is kept for evaluation mode."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["RunningMoments", "mean_absolute_deviation_squared", "population_variance", "standardised"]


def population_variance(z: Tensor) -> Tensor:
    """Return the variance of each coordinate over a batch ``[n, d]``, by n."""
    return z.var(dim=0, correction=0)


def mean_absolute_deviation_squared(z: Tensor) -> Tensor:
    """Return the square of each coordinate's mean distance from its mean, over a batch ``[n, d]``.

    Samples far out make less of it than of a variance.
    """
    return (z - z.mean(dim=0)).abs().mean(dim=0).square()


class RunningMoments(nn.Module):
    """Mean and spread of each coordinate: those of the batch in training mode, running ones in evaluation mode.

    Each process has those of its own batches, and a checkpoint has the first one's: after a resume of several processes
    the others read their first held-out values by these. A batch that is not finite leaves them as they are.

    Args:
        numbers: coordinates of a code.
        spread: from a batch ``[n, d]`` to d numbers in the squared unit of z; the variance by default.
        momentum: weight of a batch in the running moments; the first ones weigh the same.
    """

    mean: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(
        self, numbers: int, spread: Callable[[Tensor], Tensor] = population_variance, momentum: float = 0.01
    ) -> None:
        super().__init__()
        self.spread = spread
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("variance", torch.ones(numbers))
        self.register_buffer("batches", torch.tensor(0))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and spread ``[d]`` to standardise z ``[n, d]`` by; in training mode remember them."""
        if not self.training:
            return self.mean, self.variance
        mean, variance = z.mean(dim=0), self.spread(z)
        self._remember(mean.detach(), variance.detach() * (len(z) / max(len(z) - 1, 1)))
        return mean, variance

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Let a batch's moments into the running ones, if they are finite."""
        finite = (mean.sum() + variance.sum()).isfinite()
        self.batches += finite
        weight = torch.where(finite, (1 / self.batches.clamp(min=1)).clamp(min=self.momentum), 0.0)
        for kept, new in ((self.mean, mean), (self.variance, variance)):
            kept.lerp_(torch.where(finite, new, kept).to(kept.dtype), weight.to(kept.dtype))


def standardised(values: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Return values ``[n, d]`` with the mean taken off, over the root of the spread.

    A coordinate whose spread is below 1e-5 of the mean over all coordinates stays the smaller, so that rounding is not
    blown up; in any other unit the result is the same.
    """
    least = 1e-5 * variance.mean() + torch.finfo(values.dtype).tiny
    return (values - mean) / (variance + least).sqrt()  # the slope of rsqrt overflows where all codes are the same
