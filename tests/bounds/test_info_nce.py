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
    certain = InfoNCE()(torch.full((5,), 100.0).double(), torch.zeros(5, k).double()).item()
    assert certain == pytest.approx(math.log(k + 1))
    assert InfoNCE()(10 * torch.rand(50), torch.randn(50, k)) < math.log(k + 1) == InfoNCE().limit(50, k)


def test_value_at_the_best_statistics_rises_to_the_mutual_information_with_k():
    few, many = (InfoNCE()(*gaussian_scores(n=20_000, k=k)).item() for k in (2, 200))
    assert few < many - 0.1
    assert many == pytest.approx(GAUSSIAN_MI, abs=0.03)


def test_any_function_of_x_added_to_t_changes_nothing():
    joint, marginal, own = torch.randn(6), torch.randn(6, 3), torch.randn(6)
    torch.testing.assert_close(InfoNCE()(joint, marginal), InfoNCE()(joint + own, marginal + own[:, None]))


def test_an_anchor_pins_t_at_the_log_ratio_and_leaves_the_value():
    joint, marginal = gaussian_scores(n=5_000, k=200)
    plain, anchored = InfoNCE(), InfoNCE(anchor=0.5)
    assert anchored(joint, marginal) == plain(joint, marginal)
    best = anchored.objective(joint, marginal)
    own = torch.linspace(-1, 1, 5_000, dtype=torch.float64)
    for shift in (own, own * 0 + 0.3, own * 0 - 0.3):
        moved = joint + shift, marginal + shift[:, None]
        assert anchored.objective(*moved) < best - 0.02
        torch.testing.assert_close(plain.objective(*moved), plain.objective(joint, marginal))


def test_a_bias_of_t_has_a_gradient_just_where_an_anchor_pins_it():
    assert InfoNCE().shift_invariant
    assert not InfoNCE(anchor=0.5).shift_invariant


def test_a_negative_anchor_is_refused():
    with pytest.raises(ValueError, match="Expected anchor >= 0 but got -1"):
        InfoNCE(anchor=-1)
