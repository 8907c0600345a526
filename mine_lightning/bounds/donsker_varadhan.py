"""The Donsker-Varadhan bound, MINE."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from mine_lightning.bounds.bound import Bound, log_mean_exp, log_mean_exp_over_ranks
from mine_lightning.precision import full

__all__ = ["DonskerVaradhan"]


class DonskerVaradhan(Bound):
    r"""The Donsker-Varadhan bound with the bias-corrected gradient of MINE.

    .. math:: I(X;Z) \ge E_{P_{XZ}}[T] - \log E_{P_X \otimes P_Z}[e^T]

    The gradient of a mini-batch's log-mean is biased, since the log of a mean is not the mean of the log. ``objective``
    therefore divides by an exponential moving average of :math:`E[e^T]` in place of the batch's own mean:

    .. math:: \hat G = E_B[\nabla T] - E_B[\nabla T\, e^T] / \mathrm{EMA}(E_B[e^T])

    The average is kept as its logarithm, so that no score overflows it; the first batch initialises it, later ones
    enter before they are divided by it. A batch counts for at most 1 / rate times the average before it, in the average
    and in the gradient: one score far above the rest then doubles the average, where it would be all of it for
    thousands of updates.

    Source: Belghazi et al., Mutual Information Neural Estimation, ICML 2018, equation 10 and section 3.2 (equation 12).

    Args:
        rate: weight of the newest batch in the moving average, in (0, 1]; 1 is the plain, biased gradient. The paper
            gives none; 0.01 is what most re-implementations use.

    Raises:
        ValueError: if ``rate`` is outside (0, 1].
    """

    shift_invariant = True
    log_average: Tensor

    def __init__(self, rate: float = 0.01) -> None:
        super().__init__()
        if not 0 < rate <= 1:
            raise ValueError(f"Expected rate in (0, 1] but got {rate}; 1 means no moving average.")
        self.rate = rate
        self.register_buffer("log_average", torch.tensor(float("nan")))

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint, marginal = full(joint), full(marginal)
        log_mean = log_mean_exp_over_ranks(marginal)
        ratio = (marginal - log_mean).exp().mean()  # 1 in one process; carries the gradient of the log-mean
        return joint.mean() - (log_mean + ratio - ratio.detach())

    def ratios(self, marginal: Tensor) -> Tensor:
        return (marginal - log_mean_exp(marginal)).exp()

    @torch.no_grad()
    def drift(self, marginal: Tensor) -> Tensor | None:
        drift = log_mean_exp(full(marginal)) - self.log_average
        return drift.nan_to_num(0.0, posinf=0.0, neginf=0.0)  # no average before the first batch; one that overflowed

    def objective(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint, marginal = full(joint), full(marginal)
        log_average, excess = self._updated(log_mean_exp_over_ranks(marginal))
        if self.training:
            self.log_average.copy_(log_average)
        return joint.mean() - (marginal - (log_average + excess).to(marginal.dtype)).exp().mean()

    def _updated(self, log_mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log of the moving average once a batch has entered it, and by how much the batch is too high."""
        log_mean = log_mean.to(self.log_average)
        if self.rate == 1:
            return log_mean, torch.zeros_like(log_mean)
        # The average forgets a batch by a factor of 1 - rate an update: one that is e^60 above the rest would leave T
        # without a gradient from marginal pairs for 6,000 updates at a rate of 0.01. To hold the average near the
        # newest batch instead makes T run away: where rare batches carry it, the others must count for less than 1.
        excess = (log_mean - self.log_average + math.log(self.rate)).clamp_min(0)
        excess = torch.where(excess.isfinite(), excess, torch.zeros_like(excess))
        older = self.log_average + math.log1p(-self.rate)
        moved = torch.logaddexp(older, log_mean - excess + math.log(self.rate))
        moved = torch.where(log_mean.isfinite(), moved, self.log_average)  # an overflow must not stay for good
        return torch.where(self.log_average.isnan() & log_mean.isfinite(), log_mean, moved), excess

    def _apply(self, fn: Any, recurse: bool = True) -> DonskerVaradhan:
        """Keep the moving average in float32 or better where a module is made half: a hundredth is lost in bfloat16."""
        before = self.log_average
        super()._apply(fn, recurse)
        if self.log_average.dtype not in (torch.float32, torch.float64):
            self.log_average = before.to(self.log_average.device)
        return self
