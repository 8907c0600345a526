"""SMILE: where nothing is clipped it is Donsker-Varadhan; where much is it passes the truth."""

import math

import pytest
import torch
from cases import GAUSSIAN_MI, gaussian_scores

from mine_lightning.bounds import SMILE, DonskerVaradhan, JensenShannon


def test_value_at_the_log_ratio_is_the_mutual_information():
    bound, (joint, marginal) = SMILE(tau=8), gaussian_scores()
    assert bound(joint, marginal).item() == pytest.approx(GAUSSIAN_MI, abs=4 * bound.stderr(joint, marginal).item())


def test_value_equals_the_sums_written_out():
    joint, marginal = torch.randn(6, dtype=torch.float64), 4 * torch.randn(6, 2, dtype=torch.float64)
    clipped = [min(max(math.exp(m), math.exp(-2)), math.exp(2)) for m in marginal.flatten().tolist()]
    expected = sum(joint.tolist()) / 6 - math.log(sum(clipped) / 12)
    assert SMILE(tau=2)(joint, marginal).item() == pytest.approx(expected, abs=1e-12)


def test_value_without_clipping_is_donsker_varadhan():
    joint, marginal = torch.randn(6), 9 * torch.randn(6, 2)
    torch.testing.assert_close(SMILE(tau=math.inf)(joint, marginal), DonskerVaradhan()(joint, marginal))


def test_value_has_no_gradient_at_a_clipped_score():
    marginal = torch.tensor([[6.0], [1.0]], requires_grad=True)
    SMILE(tau=5)(torch.zeros(2), marginal).backward()
    assert marginal.grad[0] == 0
    assert marginal.grad[1] < 0


def test_t_is_trained_by_the_jensen_shannon_objective():
    joint, marginal = torch.randn(6), torch.randn(6, 2)
    assert torch.equal(SMILE().objective(joint, marginal), JensenShannon().objective(joint, marginal))


def test_shares_are_those_of_clipped_scores():
    marginal = 4 * torch.randn(6, 2, dtype=torch.float64)
    clipped = marginal.exp().clamp(math.exp(-2), math.exp(2))
    torch.testing.assert_close(SMILE(tau=2).ratios(marginal), clipped / clipped.mean())


def test_tau_that_clips_everything_is_refused():
    with pytest.raises(ValueError, match="Expected tau > 0 nats but got 0"):
        SMILE(tau=0)
