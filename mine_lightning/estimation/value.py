"""The Donsker-Varadhan value on pairs that T was not trained on, from all pairs of each block, in constant memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mine_lightning.estimation.pairs import Pairs
from mine_lightning.pairing import Derangements
from mine_lightning.types import scores_all_pairs

__all__ = ["Value", "joint_scores", "score_matrix", "value_of"]

BLOCK = 1000  # pairs whose x and z are all combined
FEW = 8  # marginals a sample, where T has no way to score all at once
LEAST = -1e30  # of a score: a pair for which e^T is 0 counts, where -inf is one that was left out


@dataclass
class Value:
    """What a T scores on n pairs.

    Attributes:
        nats: the Donsker-Varadhan value.
        variance: of one pair's influence on it; divided by n, that of the value.
        n: number of pairs.
        info_nce: the InfoNCE value in nats, which can't pass ``log_k``.
        log_k: log of the pairs that a sample was told apart from, itself included.
    """

    nats: float
    variance: float
    n: int
    info_nce: float
    log_k: float


def _blocks(index: Tensor) -> list[Tensor]:
    """Return the index cut in nearly equal parts of at most 1,000."""
    return list(index.tensor_split(math.ceil(len(index) / BLOCK)))


@torch.no_grad()
def score_matrix(network: nn.Module, x: Tensor, z: Tensor, seed: int = 0) -> Tensor:
    """Return T on all pairs of n samples, ``[n, n]``; -inf where T can't score all and a pair was left out."""
    if scores_all_pairs(network):
        return network.matrix(x, z).clamp(min=LEAST)  # type: ignore[operator]
    index = Derangements(FEW)(len(x), torch.Generator().manual_seed(seed))
    own = torch.arange(len(x))[:, None]
    index = torch.cat([own, index], dim=1)
    scores = network(x.repeat_interleave(index.shape[1], 0), z[index.flatten()]).clamp(min=LEAST)
    return torch.full((len(x), len(x)), -math.inf).scatter(1, index, scores.view(index.shape))


def value_of(network: nn.Module, pairs: Pairs, index: Tensor) -> Value:
    """Return the value of T on the pairs at ``index``."""
    network.eval()
    sums = torch.zeros(8, dtype=torch.float64)
    reference = None
    for part in _blocks(index):
        scores = score_matrix(network, *pairs[part])
        if reference is None:
            reference = _log_mean(scores)
        sums += _sums(scores, reference)
    return _value(sums, reference or 0.0)


def _log_mean(scores: Tensor) -> float:
    """Return the log of the mean of e^T over the marginal pairs of a block."""
    others = _without_own(scores)
    return (torch.logsumexp(others.flatten(), 0) - math.log(int(others.isfinite().sum()))).item()


def _without_own(scores: Tensor) -> Tensor:
    return scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -math.inf)


def _sums(scores: Tensor, reference: float) -> Tensor:
    """Return the sums over a block that the value, its variance and its checks need.

    Each sample enters the partition twice, with its x and with its z; q is what it brings there, in units of
    e^reference.
    """
    joint = scores.diagonal().double()
    others = _without_own(scores).double()
    k = others.isfinite().sum(1).clamp(min=1).double()  # a score far below the rest is a pair like any other
    ratios = (others - reference).exp()
    rows, columns = ratios.sum(1) / k, ratios.sum(0) / k
    q = rows + columns
    own = (joint - reference).exp()
    info_nce = (joint - reference) - ((own + rows * k) / (k + 1)).log()
    return torch.stack(
        [
            torch.tensor(float(len(joint)), dtype=torch.float64),
            joint.sum(),
            joint.square().sum(),
            q.sum(),
            q.square().sum(),
            (joint * q).sum(),
            info_nce.sum(),
            (k + 1).log().sum(),
        ]
    )


def _value(sums: Tensor, reference: float) -> Value:
    n, joint, joint2, q, q2, joint_q, info_nce, log_k = sums.tolist()
    mean = q / n / 2  # of e^T over the marginal pairs
    variance_joint = joint2 / n - (joint / n) ** 2
    variance_q = q2 / n - (q / n) ** 2
    covariance = joint_q / n - joint / n * (q / n)
    return Value(
        nats=joint / n - math.log(mean) - reference,
        variance=max(0.0, variance_joint - 2 * covariance / mean + variance_q / mean**2),
        n=int(n),
        info_nce=info_nce / n,
        log_k=log_k / n,
    )


@torch.no_grad()
def joint_scores(network: nn.Module, pairs: Pairs, index: Tensor) -> Tensor:
    """Return T on the joint pairs at ``index``, ``[m]``."""
    network.eval()
    return torch.cat([network(*pairs[part]).clamp(min=LEAST) for part in _blocks(index)])
