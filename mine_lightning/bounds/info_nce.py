"""InfoNCE, the bound of contrastive learning."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mine_lightning.bounds.bound import Bound, full

__all__ = ["InfoNCE"]


class InfoNCE(Bound):
    r"""Tell a sample's partner from k samples of the marginal.

    .. math:: I(X;Z) \ge E\left[\log \frac{e^{T(x,z)}}{\frac1K (e^{T(x,z)} + \sum_{j=1}^{k} e^{T(x,z_j)})}\right]
        \le \log K, \quad K = k + 1

    The value never passes log K: give the pairing as many marginals a sample as the batch has (``Derangements(k)``).
    T matters up to any function of x, so that a T trained by it is no estimate of the density's logarithm.

    Source: van den Oord, Li, Vinyals, Representation Learning with Contrastive Predictive Coding, 2018, equation 4;
    Poole et al., On Variational Bounds of Mutual Information, ICML 2019, equation 10.
    """

    shift_invariant = True

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        return self._contributions(full(joint), full(marginal)).mean()

    def ratios(self, marginal: Tensor) -> Tensor:
        """Return each score's share among the marginals of its own sample, times their number."""
        return torch.softmax(full(marginal), dim=1) * marginal.shape[1]

    @torch.no_grad()
    def stderr(self, joint: Tensor, marginal: Tensor) -> Tensor:
        return self._contributions(full(joint), full(marginal)).std() / math.sqrt(len(joint))

    @staticmethod
    def _contributions(joint: Tensor, marginal: Tensor) -> Tensor:
        """Return what each sample adds to the mean, ``[n]``, in nats."""
        own_and_others = torch.cat([joint[:, None], marginal], dim=1)
        return joint - torch.logsumexp(own_and_others, dim=1) + math.log(own_and_others.shape[1])
