"""The f-divergence bound, MINE-f."""

from __future__ import annotations

from torch import Tensor

from mine_lightning.bounds.bound import Bound
from mine_lightning.precision import full

__all__ = ["FDivergence"]


class FDivergence(Bound):
    r"""The f-divergence form of the KL divergence: MINE-f, also known as NWJ.

    .. math:: I(X;Z) \ge E_{P_{XZ}}[T] - E_{P_X \otimes P_Z}[e^{T-1}]

    Never above Donsker-Varadhan for the same T, and its mini-batch gradient is unbiased, so that there is no moving
    average. The best T is 1 + log dP(X,Z)/dP(X)P(Z): its constant matters.

    Source: Belghazi et al., ICML 2018, equation 11; Nguyen, Wainwright, Jordan, 2010.
    """

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint, marginal = full(joint), full(marginal)
        return joint.mean() - (marginal - 1).exp().mean()

    def ratios(self, marginal: Tensor) -> Tensor:
        return (marginal - 1).exp()
