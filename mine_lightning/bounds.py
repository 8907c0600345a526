"""Dual representations of the KL divergence between a joint and the product of its marginals, in nats.

Contract. A bound is an ``nn.Module`` over scores of one statistics network T: ``joint`` ``[n]``, T at n samples of
P(X,Z), and ``marginal`` ``[n, k]``, T at k samples of P(X)P(Z) for each of them.

* ``bound(joint, marginal)`` is the value on the batch, differentiable, and changes nothing. Its gradient is what a
  host gets that maximises or minimises the mutual information.
* ``bound.objective(joint, marginal)`` is what T ascends. Only its gradient counts. In training mode it may move
  state (a registered buffer), in evaluation mode never.
* ``bound.shift_invariant`` says that T + constant scores the same, so that a bias of T's last layer has no gradient.

Scores in half precision are read as float32. Where several processes train together, means over the marginal are
taken over all of them, and the average over ranks of the gradients is the gradient on the global batch.

To add one: a class here, a row in ``tests/cases.py``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = ["Bound", "DonskerVaradhan", "FDivergence", "log_mean_exp"]


def log_mean_exp(scores: Tensor) -> Tensor:
    """Return ``log(mean(exp(scores)))`` over all elements, without overflow; a scalar in nats."""
    return torch.logsumexp(scores.flatten(), dim=0) - math.log(scores.numel())


def _log_mean_exp_over_ranks(scores: Tensor) -> Tensor:
    """Return the log-mean-exp of the scores of all processes together, without gradient.

    Each process counts the same, as it does where its gradient is averaged with the others', whatever its batch size.
    """
    own = log_mean_exp(scores.detach())
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return own
    gathered = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, own)
    return log_mean_exp(torch.stack(gathered))


def _full(scores: Tensor) -> Tensor:
    """Return float32 scores for half precision: neither exp nor a moving average survives bfloat16."""
    return scores if scores.dtype in (torch.float32, torch.float64) else scores.float()


class Bound(nn.Module, ABC):
    """A lower bound on mutual information; the module's first lines state the contract."""

    shift_invariant: bool = False

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

    @torch.no_grad()
    def stderr(self, joint: Tensor, marginal: Tensor) -> Tensor:
        """Return the value's standard error in nats, from how much each sample contributes (delta method).

        It covers the noise of the n samples, not what T misses. Scores of this process alone.
        """
        contribution = _full(joint) - self.ratios(_full(marginal)).mean(dim=1)
        return contribution.std() / math.sqrt(len(joint))


class DonskerVaradhan(Bound):
    r"""The Donsker-Varadhan bound with the bias-corrected gradient of MINE.

    .. math:: I(X;Z) \ge E_{P_{XZ}}[T] - \log E_{P_X \otimes P_Z}[e^T]

    The gradient of a mini-batch's log-mean is biased, since the log of a mean is not the mean of the log. ``objective``
    therefore divides by an exponential moving average of :math:`E[e^T]` in place of the batch's own mean:

    .. math:: \hat G = E_B[\nabla T] - E_B[\nabla T\, e^T] / \mathrm{EMA}(E_B[e^T])

    The average is kept as its logarithm, so that no score overflows it; the first batch initialises it, later ones
    enter before they are divided by it.

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
        joint, marginal = _full(joint), _full(marginal)
        log_mean = _log_mean_exp_over_ranks(marginal)
        ratio = (marginal - log_mean).exp().mean()  # 1 in one process; carries the gradient of the log-mean
        return joint.mean() - (log_mean + ratio - ratio.detach())

    def ratios(self, marginal: Tensor) -> Tensor:
        return (marginal - log_mean_exp(marginal)).exp()

    @torch.no_grad()
    def drift(self, marginal: Tensor) -> Tensor | None:
        return (log_mean_exp(_full(marginal)) - self.log_average).nan_to_num(0.0)  # no average before the first batch

    def objective(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint, marginal = _full(joint), _full(marginal)
        log_average = self._updated(_log_mean_exp_over_ranks(marginal))
        if self.training:
            self.log_average.copy_(log_average)
        return joint.mean() - (marginal - log_average.to(marginal.dtype)).exp().mean()

    def _updated(self, log_mean: Tensor) -> Tensor:
        """Return the log of the moving average once this batch has entered it."""
        log_mean = log_mean.to(self.log_average)
        if self.rate == 1:
            return log_mean
        older = self.log_average + math.log1p(-self.rate)
        moved = torch.logaddexp(older, log_mean + math.log(self.rate))
        moved = torch.where(log_mean.isfinite(), moved, self.log_average)  # an overflow must not stay for good
        return torch.where(self.log_average.isnan(), log_mean, moved)


class FDivergence(Bound):
    r"""The f-divergence form of the KL divergence: MINE-f, also known as NWJ.

    .. math:: I(X;Z) \ge E_{P_{XZ}}[T] - E_{P_X \otimes P_Z}[e^{T-1}]

    Never above Donsker-Varadhan for the same T, and its mini-batch gradient is unbiased, so that there is no moving
    average. The best T is 1 + log dP(X,Z)/dP(X)P(Z): its constant matters.

    Source: Belghazi et al., ICML 2018, equation 11; Nguyen, Wainwright, Jordan, 2010.
    """

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint, marginal = _full(joint), _full(marginal)
        return joint.mean() - (marginal - 1).exp().mean()

    def ratios(self, marginal: Tensor) -> Tensor:
        return (marginal - 1).exp()
