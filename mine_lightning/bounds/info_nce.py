"""InfoNCE, the bound of contrastive learning."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mine_lightning.bounds.bound import Bound
from mine_lightning.precision import full

__all__ = ["InfoNCE"]


class InfoNCE(Bound):
    r"""Tell a sample's partner from k samples of the marginal.

    .. math:: I(X;Z) \ge E\left[\log \frac{e^{T(x,z)}}{\frac1K (e^{T(x,z)} + \sum_{j=1}^{k} e^{T(x,z_j)})}\right]
        \le \log K, \quad K = k + 1

    The value never passes log K: give the pairing as many marginals a sample as the batch has (``Derangements(k)``).

    It determines T up to a function of x, so that another bound can't be read from a T trained by it. An ``anchor``
    ends that freedom: T then ascends the value less anchor times the mean square of the log of the denominator, which
    holds the denominator at 1 and T at log dP(X,Z)/dP(X)P(Z). The value itself has no anchor.

    Source: van den Oord, Li, Vinyals, Representation Learning with Contrastive Predictive Coding, 2018, equation 4;
    Poole et al., On Variational Bounds of Mutual Information, ICML 2019. The anchor is the regularised
    partition of Choi and Lee, Regularized Mutual Information Neural Estimation, 2020, for each sample.

    Args:
        anchor: weight of the squared log-denominator in what T ascends, at least 0.

    Raises:
        ValueError: if ``anchor`` is negative.
    """

    shift_invariant = True

    def __init__(self, anchor: float = 0.0) -> None:
        super().__init__()
        if anchor < 0:
            raise ValueError(f"Expected anchor >= 0 but got {anchor}; 0 leaves T free up to a function of x.")
        self.anchor = anchor
        self.shift_invariant = anchor == 0  # what T ascends pins the constant too

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        return self.contributions(joint, marginal).mean()

    def objective(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint = full(joint)
        log_denominator = _log_denominator(joint, full(marginal))
        return (joint - log_denominator).mean() - self.anchor * log_denominator.square().mean()

    def ratios(self, marginal: Tensor) -> Tensor:
        """Return each score's share among the marginals of its own sample, times their number."""
        return torch.softmax(full(marginal), dim=1) * marginal.shape[1]

    def limit(self, n: int, k: int) -> float:
        return math.log(k + 1)

    def contributions(self, joint: Tensor, marginal: Tensor) -> Tensor:
        joint = full(joint)
        return joint - _log_denominator(joint, full(marginal))


def _log_denominator(joint: Tensor, marginal: Tensor) -> Tensor:
    """Return, per sample, the log of the mean of e^T over its own partner and the others, ``[n]``."""
    return torch.logaddexp(joint, torch.logsumexp(marginal, dim=1)) - math.log(marginal.shape[1] + 1)
