"""The Jensen-Shannon objective, with the value of the f-divergence bound."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from mine_lightning.bounds.bound import Bound
from mine_lightning.precision import full

__all__ = ["JensenShannon"]


class JensenShannon(Bound):
    r"""Train T as a classifier of joint against marginal pairs; read the information from what it learned.

    ``objective``, which T ascends, is the Jensen-Shannon divergence up to a factor and a constant:

    .. math:: -E_{P_{XZ}}[\mathrm{softplus}(-T)] - E_{P_X \otimes P_Z}[\mathrm{softplus}(T)]

    Its gradients are bounded, and its best T is log dP(X,Z)/dP(X)P(Z) itself. The value, in nats, is that of the
    f-divergence bound (:class:`~mine_lightning.bounds.FDivergence`), whose best T is one more, hence at T + 1:

    .. math:: I(X;Z) \ge E_{P_{XZ}}[T + 1] - E_{P_X \otimes P_Z}[e^{T}]

    Published code puts T itself there and is 1/e = 0.37 nats too low at the best T. A host gets the gradient of the
    value, not of the objective.

    Source: Nowozin, Cseke, Tomioka, f-GAN, NeurIPS 2016, table 2; Poole et al., On Variational Bounds of Mutual
    Information, ICML 2019; Song and Ermon, Understanding the Limitations of Variational
    Mutual Information Estimators, ICLR 2020.
    """

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        return 1 + full(joint).mean() - full(marginal).exp().mean()

    def objective(self, joint: Tensor, marginal: Tensor) -> Tensor:
        return -F.softplus(-full(joint)).mean() - F.softplus(full(marginal)).mean()

    def ratios(self, marginal: Tensor) -> Tensor:
        return marginal.exp()
