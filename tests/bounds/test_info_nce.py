"""InfoNCE in float64: sums written out, its ceiling, and what it is at the best T."""

import math

import pytest
import torch
from cases import GAUSSIAN_MI, gaussian_scores

from mine_lightning.bounds import InfoNCE


def test_value_equals_the_sums_written_out():
    joint, marginal = torch.randn(4, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    total = 0.0
    for own, others in zip(joint.tolist(), marginal.tolist(), strict=True):
        partition = sum(math.exp(score) for score in [own, *others]) / 3
        total += math.log(math.exp(own) / partition)
    assert InfoNCE()(joint, marginal).item() == pytest.approx(total / 4, abs=1e-12)


@pytest.mark.parametrize("k", [1, 7])
def test_value_reaches_log_k_plus_one_and_never_more(k):
    certain = InfoNCE()(torch.full((5,), 100.0), torch.zeros(5, k)).item()
    assert certain == pytest.approx(math.log(k + 1))
    assert InfoNCE()(10 * torch.rand(50), torch.randn(50, k)) < math.log(k + 1)


def test_value_at_the_best_statistics_rises_to_the_mutual_information_with_k():
    few, many = (InfoNCE()(*gaussian_scores(n=20_000, k=k)).item() for k in (2, 200))
    assert few < many - 0.1
    assert many == pytest.approx(GAUSSIAN_MI, abs=0.03)


def test_any_function_of_x_added_to_t_changes_nothing():
    joint, marginal, own = torch.randn(6), torch.randn(6, 3), torch.randn(6)
    torch.testing.assert_close(InfoNCE()(joint, marginal), InfoNCE()(joint + own, marginal + own[:, None]))
