"""SMILE: Donsker-Varadhan with a clipped partition, trained by the Jensen-Shannon objective."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from mine_lightning.bounds.bound import Bound, log_mean_exp, log_mean_exp_over_ranks
from mine_lightning.precision import full

__all__ = ["SMILE"]


class SMILE(Bound):
    r"""A value of low variance that is no longer a bound: the scores in the partition are clipped to [-tau, tau].

    .. math:: E_{P_{XZ}}[T] - \log E_{P_X \otimes P_Z}[\mathrm{clip}(e^T, e^{-\tau}, e^\tau)]

    T is trained by the Jensen-Shannon objective, as in the paper's code, so that T is the log of the density's ratio
    and the clipping means what it says. Where information is above tau nats the value can pass the truth.

    Source: Song and Ermon, Understanding the Limitations of Variational Mutual Information Estimators, ICLR 2020
    (their experiments have tau in 1, 5 and infinity).

    Args:
        tau: half the range of the clipped scores, in nats; positive.

    Raises:
        ValueError: if ``tau`` is not positive.
    """

    def __init__(self, tau: float = 5.0) -> None:
        super().__init__()
        if not tau > 0:
            raise ValueError(f"Expected tau > 0 nats but got {tau}; infinity means no clipping.")
        self.tau = tau

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint, clipped = full(joint), full(marginal).clamp(-self.tau, self.tau)
        log_mean = log_mean_exp_over_ranks(clipped)
        ratio = (clipped - log_mean).exp().mean()  # 1 in one process; carries the gradient of the log-mean
        return joint.mean() - (log_mean + ratio - ratio.detach())

    def objective(self, joint: Tensor, marginal: Tensor) -> Tensor:
        return -F.softplus(-full(joint)).mean() - F.softplus(full(marginal)).mean()

    def ratios(self, marginal: Tensor) -> Tensor:
        clipped = marginal.clamp(-self.tau, self.tau)
        return (clipped - log_mean_exp(clipped)).exp()
