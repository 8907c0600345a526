"""Laws of every bound, and the log-mean-exp in float64."""

import math

import pytest
import torch
from cases import BOUNDS

from mine_lightning.bounds import DonskerVaradhan, FDivergence, InfoNCE, SumOverParts, log_mean_exp


def test_log_mean_exp_equals_the_naive_formula():
    scores = torch.randn(50, 3, dtype=torch.float64)
    torch.testing.assert_close(log_mean_exp(scores), scores.exp().mean().log())


def test_log_mean_exp_survives_scores_that_overflow_exp():
    assert log_mean_exp(torch.tensor([2000.0, 2000.0])) == 2000


@pytest.mark.parametrize("make", BOUNDS)
class TestEveryBound:
    def test_scores_that_tell_nothing_give_zero_or_less(self, make):
        assert make()(torch.zeros(5), torch.zeros(5, 3)) <= 0

    def test_shift_invariance_is_as_declared(self, make):
        bound = make()
        joint, marginal = torch.randn(9, dtype=torch.float64), torch.randn(9, 2, dtype=torch.float64)
        same = torch.allclose(bound(joint, marginal), bound(joint + 30, marginal + 30))
        assert same == bound.shift_invariant

    def test_half_precision_is_read_as_float32(self, make):
        joint, marginal = torch.randn(64).bfloat16(), torch.randn(64, 1).bfloat16()
        value = make()(joint, marginal)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, make()(joint.float(), marginal.float()))

    def test_evaluation_changes_no_state(self, make):
        bound = make()
        bound.objective(torch.randn(4), torch.randn(4, 1))
        before = {key: value.clone() for key, value in bound.state_dict().items()}
        bound(torch.randn(4), torch.randn(4, 1))
        bound.eval().objective(torch.randn(4), torch.randn(4, 1))
        assert all(torch.equal(before[key], value) for key, value in bound.state_dict().items())

    def test_state_survives_save_and_load(self, make):
        bound, other = make(), make()
        for _ in range(3):
            bound.objective(torch.randn(4), torch.randn(4, 1))
        other.load_state_dict(bound.state_dict())
        joint, marginal = torch.randn(4), torch.randn(4, 1)
        assert torch.equal(bound.objective(joint, marginal), other.objective(joint, marginal))

    def test_stderr_is_the_spread_over_fresh_batches(self, make):
        generator = torch.Generator().manual_seed(0)
        draws = [torch.randn(2, 500, generator=generator) for _ in range(300)]
        bound = make()
        spread = torch.stack([bound(joint, marginal[:, None]) for joint, marginal in draws]).std().item()
        told = torch.stack([bound.stderr(joint, marginal[:, None]) for joint, marginal in draws]).mean().item()
        assert told == pytest.approx(spread, rel=0.2)

    def test_objective_has_its_gradient_at_every_score(self, make):
        joint, marginal = torch.randn(7, requires_grad=True), torch.randn(7, 3, requires_grad=True)
        make().objective(joint, marginal).backward()
        assert (joint.grad > 0).all()
        assert (marginal.grad < 0).all()

    def test_ratios_are_one_on_average_where_scores_tell_nothing(self, make):
        marginal = torch.zeros(5, 3) + (1.0 if make is FDivergence else 0.0)
        torch.testing.assert_close(make().ratios(marginal), torch.ones(5, 3))

    def test_the_most_that_so_many_pairs_can_show(self, make):
        pairs = 200 if make is InfoNCE else 200 * 7
        assert make().limit(200, 199 if make is InfoNCE else 7) == pytest.approx(math.log(pairs))

    def test_only_a_moving_average_has_a_drift(self, make):
        found = make().drift(torch.zeros(5, 3)), SumOverParts(2, make()).drift(torch.zeros(5, 3, 2))
        assert [one is None for one in found] == [make is not DonskerVaradhan] * 2
