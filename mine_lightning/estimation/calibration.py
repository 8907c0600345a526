"""A trained T made fit to be read on pairs that it has not seen: scores with a ceiling, scaled on a validation part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mine_lightning.types import scores_all_pairs

__all__ = ["Calibrated", "best_weights", "calibrated"]


class Calibrated(nn.Module):
    r"""A weighted sum of trained networks, each cut at a ceiling.

    .. math:: T(x, z) = \sum_m w_m \min(T_m(x, z), c_m)

    It is a statistics network like any other, so that the bound on unseen pairs holds. Training tells nothing of pairs
    that score above every joint pair, and one such pair among millions of marginal ones, off in a corner that no joint
    pair has ever been in, can dominate the log of the mean of e^T.

    Args:
        networks: trained statistics networks.
        ceilings: in nats, one each.
        weights: one each.
    """

    def __init__(self, networks: Sequence[nn.Module], ceilings: Tensor, weights: Tensor) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.register_buffer("ceilings", ceilings.float())
        self.register_buffer("weights", weights.float())
        if all(scores_all_pairs(network) for network in networks):
            self.matrix = self._matrix

    @property
    def silent(self) -> bool:
        """Whether the weights are 0, and with them all scores: what was trained holds of no pairs it has not seen."""
        return not bool(self.weights.any())  # type: ignore[operator]

    def evenly(self) -> Calibrated:
        """Return the same networks at equal weights of sum 1."""
        weights = torch.full_like(self.weights, 1 / len(self.networks))  # type: ignore[arg-type]
        return Calibrated(list(self.networks), self.ceilings, weights)  # type: ignore[arg-type]

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self._sum([network(x, z) for network in self.networks])

    def _matrix(self, x: Tensor, z: Tensor) -> Tensor:
        """Return T of every x with every z, ``[n of x, n of z]``."""
        return self._sum([network.matrix(x, z) for network in self.networks])  # type: ignore[operator]

    def _sum(self, scores: list[Tensor]) -> Tensor:
        parts = zip(scores, self.weights, self.ceilings, strict=True)  # type: ignore[arg-type]
        return torch.stack([weight * score.clamp(max=ceiling) for score, weight, ceiling in parts]).sum(0)


@torch.no_grad()
def best_weights(joint: Tensor, marginal: Tensor, steps: int = 20) -> Tensor:
    """Return the weights ``[M]`` at which the weighted sum of M scores has the highest Donsker-Varadhan value.

    The value is concave in the weights; this is Newton's method with short steps, from equal weights of sum 1.

    Args:
        joint: scores ``[M, n]`` of n joint pairs.
        marginal: scores ``[M, k]`` of k marginal pairs.
        steps: of Newton's method.
    """
    joint, marginal = joint.double(), marginal.double()
    weights = torch.full((len(joint),), 1 / len(joint), dtype=torch.float64)
    for _ in range(steps):
        share = torch.softmax(weights @ marginal, dim=0)
        mean = marginal @ share
        curvature = (marginal * share) @ marginal.T - torch.outer(mean, mean)
        curvature += 1e-6 * curvature.trace().clamp(min=1e-6) * torch.eye(len(joint), dtype=torch.float64)
        step = torch.linalg.solve(curvature, joint.mean(1) - mean)
        weights = (weights + step * min(1.0, 0.3 / step.abs().max().clamp(min=1e-12).item())).clamp(0, 3)
    return weights


@torch.no_grad()
def calibrated(networks: Sequence[nn.Module], train: list[Tensor], validation: list[Tensor]) -> Calibrated:
    """Return the networks cut at the 99.9% quantile of their training pairs' scores and weighted on validation pairs.

    Args:
        networks: trained statistics networks.
        train: joint scores of each on training pairs, ``[n]``.
        validation: scores of each on validation pairs, ``[m, m]``, joint ones on the diagonal, -inf where no pair is.
    """
    ceilings = torch.stack([scores.quantile(0.999) for scores in train])
    pairs = validation[0].isfinite() & ~torch.eye(len(validation[0]), dtype=torch.bool)
    cut = [scores.clamp(max=ceiling.item()) for scores, ceiling in zip(validation, ceilings, strict=True)]
    joint, marginal = (torch.stack([pick(scores) for scores in cut]) for pick in (torch.diagonal, lambda s: s[pairs]))
    return Calibrated(networks, ceilings, best_weights(joint, marginal))
