"""The value on unseen pairs against sums written out, and its error against fresh samples."""

import math

import pytest
import torch
from torch import nn

from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.estimation import value as module
from mine_lightning.estimation.pairs import Pairs, Side
from mine_lightning.estimation.value import joint_scores, score_matrix, value_of

RHO = 0.7


class BestStatistics(nn.Module):
    """The log ratio of a Gaussian pair with correlation RHO."""

    def forward(self, x, z):
        return self._ratio(x, z)[:, 0]

    def matrix(self, x, z):
        return self._ratio(x, z.T)

    @staticmethod
    def _ratio(x, z):
        form = (RHO**2 * (x**2 + z**2) - 2 * RHO * x * z) / (2 * (1 - RHO**2))
        return -0.5 * math.log(1 - RHO**2) - form


class OnePairAtATime(nn.Module):
    def forward(self, x, z):
        return BestStatistics()(x, z)


def gaussian_pairs(n, seed):
    sides = Gaussian("g", sparse(1, RHO)).sample(n, seed)
    return Pairs(*(Side(side, None) for side in sides), gaussianise=False, seed=0)


def test_value_equals_the_sums_written_out(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 6)
    pairs, T = gaussian_pairs(11, 0), BestStatistics()
    x, z = (side.double() for side in pairs[torch.arange(11)])
    joint, marginal, info_nce = [], [], []
    for block in (range(6), range(6, 11)):
        for i in block:
            own = T(x[i : i + 1], z[i : i + 1]).item()
            others = [T(x[i : i + 1], z[j : j + 1]).item() for j in block if j != i]
            joint.append(own)
            marginal.append(sum(math.exp(score) for score in others) / len(others))
            partition = sum(math.exp(score) for score in [own, *others]) / (1 + len(others))
            info_nce.append(own - math.log(partition))
    value = value_of(T, pairs, torch.arange(11))
    assert value.n == 11
    assert value.nats == pytest.approx(sum(joint) / 11 - math.log(sum(marginal) / 11), abs=1e-5)
    assert value.info_nce == pytest.approx(sum(info_nce) / 11, abs=1e-5)
    assert value.log_k == pytest.approx((6 * math.log(6) + 5 * math.log(5)) / 11)


def test_value_of_the_best_t_is_the_information_and_its_error_the_spread():
    values = [value_of(BestStatistics(), gaussian_pairs(500, seed), torch.arange(500)) for seed in range(200)]
    nats = torch.tensor([value.nats for value in values])
    told = torch.tensor([(value.variance / value.n) ** 0.5 for value in values])
    assert nats.mean().item() == pytest.approx(-0.5 * math.log(1 - RHO**2), abs=4 * nats.std().item() / 200**0.5)
    assert told.mean().item() == pytest.approx(nats.std().item(), rel=0.2)


@pytest.mark.parametrize(("rho", "d"), [(0.999, 1), (0.99, 2), (0.95, 20)])
def test_scores_far_below_the_rest_are_pairs_like_any_other(rho, d):
    """The log ratio of a strong dependence spreads over thousands of nats, of which float32 has the upper hundred."""

    class Strong(nn.Module):
        def matrix(self, x, z):
            form = (rho**2 * (x[:, None] ** 2 + z[None] ** 2) - 2 * rho * x[:, None] * z[None]) / (2 * (1 - rho**2))
            return (-0.5 * math.log(1 - rho**2) - form).sum(dim=2)

        def forward(self, x, z):
            return self.matrix(x, z).diagonal()

    sides = Gaussian("g", sparse(d, rho)).sample(1000, 0)
    pairs = Pairs(*(Side(side, None) for side in sides), gaussianise=False, seed=0)
    found = value_of(Strong(), pairs, torch.arange(1000))
    scores = Strong().matrix(*pairs[torch.arange(1000)]).double()
    others = scores.masked_fill(torch.eye(1000, dtype=torch.bool), -math.inf)
    exact = scores.diagonal().mean() - (torch.logsumexp(others.flatten(), 0) - math.log(1000 * 999))
    assert found.nats == pytest.approx(exact.item(), abs=1e-6)
    assert found.log_k == pytest.approx(math.log(1000))


def test_a_t_without_a_matrix_gets_a_few_marginals_a_sample():
    x, z = gaussian_pairs(50, 0)[torch.arange(50)]
    full, few = score_matrix(BestStatistics(), x, z), score_matrix(OnePairAtATime(), x, z)
    scored = few.isfinite()
    torch.testing.assert_close(few[scored], full[scored])
    assert scored.diagonal().all()
    assert (scored.sum(0) == module.FEW + 1).all()
    assert (scored.sum(1) == module.FEW + 1).all()


def test_a_t_without_a_matrix_has_the_same_value_up_to_noise():
    pairs, index = gaussian_pairs(20_000, 0), torch.arange(20_000)
    few, full = value_of(OnePairAtATime(), pairs, index), value_of(BestStatistics(), pairs, index)
    assert few.nats == pytest.approx(full.nats, abs=0.02)


def test_joint_scores_are_those_of_the_diagonal():
    pairs = gaussian_pairs(2500, 0)
    x, z = pairs[torch.arange(2500)]
    torch.testing.assert_close(joint_scores(BestStatistics(), pairs, torch.arange(2500)), BestStatistics()(x, z))


@pytest.mark.parametrize("scores_all", [True, False])
def test_pairs_that_t_rules_out_count_as_pairs(scores_all):
    """e^T = 0 belongs to the mean of e^T as any other value does."""

    class Hard(OnePairAtATime):
        def forward(self, x, z):
            return super().forward(x, z).masked_fill((x * z).sum(1) < -1, -math.inf)

    class HardForAll(Hard):
        def matrix(self, x, z):
            rows = [self(one.expand(len(z), -1), z) for one in x]
            return torch.stack(rows)

    pairs, index = gaussian_pairs(600, 0), torch.arange(600)
    x, z = pairs[index]
    kept = ((x * z).sum(1) >= -1).nonzero().flatten()  # the joint pairs that it rules out would make it -inf
    found = value_of(HardForAll() if scores_all else Hard(), pairs, kept)
    x, z = pairs[kept]
    scores = HardForAll().matrix(x, z).double()
    assert scores.isinf().any()
    n = len(kept)
    others = scores.masked_fill(torch.eye(n, dtype=torch.bool), -math.inf)
    exact = scores.diagonal().mean() - (torch.logsumexp(others.flatten(), 0) - math.log(n * (n - 1)))
    assert found.nats == pytest.approx(exact.item(), abs=1e-5 if scores_all else 0.1)
