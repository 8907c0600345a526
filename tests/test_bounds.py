"""Closed forms in float64, laws of every bound, and the bias that the moving average is there for."""

import math

import pytest
import torch
from cases import BOUNDS
from torch import nn

from mine_lightning.bounds import DonskerVaradhan, FDivergence, log_mean_exp

RHO = 0.8
TRUTH = -0.5 * math.log(1 - RHO**2)


def log_ratio(x, z):
    """Return log dP(X,Z)/dP(X)P(Z) of a standard Gaussian pair with correlation RHO."""
    return -0.5 * math.log(1 - RHO**2) - (RHO**2 * (x**2 + z**2) - 2 * RHO * x * z) / (2 * (1 - RHO**2))


def gaussian_scores(n=400_000, shift=0.0):
    generator = torch.Generator().manual_seed(1)
    x, e, other = torch.randn(3, n, generator=generator, dtype=torch.float64)
    z = RHO * x + math.sqrt(1 - RHO**2) * e
    return log_ratio(x, z) + shift, (log_ratio(x, other) + shift)[:, None]


def test_log_mean_exp_equals_the_naive_formula():
    scores = torch.randn(50, 3, dtype=torch.float64)
    torch.testing.assert_close(log_mean_exp(scores), scores.exp().mean().log())


def test_log_mean_exp_survives_scores_that_overflow_exp():
    assert log_mean_exp(torch.tensor([2000.0, 2000.0])) == 2000


@pytest.mark.parametrize(("bound", "shift"), [(DonskerVaradhan(), 0.0), (DonskerVaradhan(), 7.0), (FDivergence(), 1.0)])
def test_value_at_the_best_statistics_is_the_mutual_information(bound, shift):
    joint, marginal = gaussian_scores(shift=shift)
    assert bound(joint, marginal).item() == pytest.approx(TRUTH, abs=4 * bound.stderr(joint, marginal).item())
    assert bound.stderr(joint, marginal) < 0.005


def test_values_equal_sums_written_out():
    joint, marginal = torch.randn(6, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
    dv = sum(joint.tolist()) / 6 - math.log(sum(math.exp(m) for m in marginal.flatten().tolist()) / 12)
    f = sum(joint.tolist()) / 6 - sum(math.exp(m - 1) for m in marginal.flatten().tolist()) / 12
    assert DonskerVaradhan()(joint, marginal).item() == pytest.approx(dv, abs=1e-12)
    assert FDivergence()(joint, marginal).item() == pytest.approx(f, abs=1e-12)


def test_donsker_varadhan_is_never_below_the_f_divergence_form():
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        joint, marginal = (3 * torch.randn(size, generator=generator) + seed % 5 for size in ((8,), (8, 2)))
        assert DonskerVaradhan()(joint, marginal) >= FDivergence()(joint, marginal) - 1e-5


@pytest.mark.parametrize("make", BOUNDS)
class TestEveryBound:
    def test_scores_that_tell_nothing_give_zero_or_less(self, make):
        assert make()(torch.zeros(5), torch.zeros(5, 3)) <= 0

    def test_shift_invariance_is_as_declared(self, make):
        bound = make()
        joint, marginal = torch.randn(9, dtype=torch.float64), torch.randn(9, 2, dtype=torch.float64)
        same = torch.allclose(bound(joint, marginal), bound(joint + 3, marginal + 3))
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


def test_moving_average_is_that_of_the_batches_means():
    bound, rate = DonskerVaradhan(rate=0.1), 0.1
    batches = [torch.randn(6, 1, dtype=torch.float64) for _ in range(5)]
    average = batches[0].exp().mean()
    for batch in batches:
        average = (1 - rate) * average + rate * batch.exp().mean()
        bound.double().objective(torch.zeros(6, dtype=torch.float64), batch)
    torch.testing.assert_close(bound.log_average, average.log())


def test_first_batch_initialises_the_moving_average():
    bound, marginal = DonskerVaradhan(), torch.randn(6, 1)
    bound.objective(torch.zeros(6), marginal)
    torch.testing.assert_close(bound.log_average, log_mean_exp(marginal))


def test_moving_average_survives_scores_that_overflow_exp():
    bound = DonskerVaradhan()
    for _ in range(3):
        objective = bound.objective(torch.zeros(4), torch.full((4, 1), 500.0))
    assert bound.log_average == 500
    assert objective.isfinite()


def test_gradient_of_the_objective_divides_by_the_moving_average():
    bound = DonskerVaradhan(rate=0.5).double()
    bound.objective(torch.zeros(3, dtype=torch.float64), torch.tensor([[1.0], [0.0], [2.0]], dtype=torch.float64))
    marginal = torch.tensor([[0.5], [-1.0], [0.3]], dtype=torch.float64, requires_grad=True)
    bound.objective(torch.zeros(3, dtype=torch.float64), marginal).backward()
    average = bound.log_average.exp()
    torch.testing.assert_close(marginal.grad, -marginal.detach().exp() / 3 / average)


def test_rate_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"Expected rate in \(0, 1\] but got 0"):
        DonskerVaradhan(rate=0)


def gradient_bias(batch_size, rate, batches=3000):
    """Return |mean gradient - true gradient| of the partition term for T(x, z) = a*x*z at a = 0.6, and its error.

    Under independent standard Gaussians E[e^(axz)] = (1 - a^2)^(-1/2), so the true gradient of its log is a/(1 - a^2).
    """
    a, generator = 0.6, torch.Generator().manual_seed(2)
    weight = nn.Parameter(torch.tensor(a, dtype=torch.float64))
    bound = DonskerVaradhan(rate).double()
    products = torch.randn(2, batches, batch_size, 1, generator=generator, dtype=torch.float64).prod(dim=0)
    gradients = []
    for product in products:
        objective = bound.objective(torch.zeros(1, dtype=torch.float64), weight * product)
        gradients.append(-torch.autograd.grad(objective, weight)[0])
    found = torch.stack(gradients[batches // 10 :])  # after the average has settled
    return (found.mean() - a / (1 - a**2)).abs().item(), (found.std() / math.sqrt(len(found))).item()


def test_mini_batch_gradient_is_biased_and_the_moving_average_mends_it():
    plain = {size: gradient_bias(size, rate=1.0) for size in (4, 16, 64)}
    # the plain gradient's bias falls with the batch size but is there
    assert plain[4][0] > plain[16][0] > plain[64][0]
    assert plain[4][0] > 10 * plain[4][1]
    # with the moving average it is gone, up to noise, already at the smallest batch
    corrected, error = gradient_bias(4, rate=0.01)
    assert corrected < plain[4][0] / 4
    assert corrected < 0.05 + 4 * error
