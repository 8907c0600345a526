"""Closed forms in float64, and the bias that the moving average is there for."""

import math

import pytest
import torch
from cases import GAUSSIAN_MI, gaussian_scores
from torch import nn

from mine_lightning.bounds import DonskerVaradhan, FDivergence, log_mean_exp


@pytest.mark.parametrize("shift", [0.0, 7.0])
def test_value_at_the_best_statistics_is_the_mutual_information(shift):
    bound, (joint, marginal) = DonskerVaradhan(), gaussian_scores(shift=shift)
    assert bound(joint, marginal).item() == pytest.approx(GAUSSIAN_MI, abs=4 * bound.stderr(joint, marginal).item())
    assert bound.stderr(joint, marginal) < 0.005


def test_value_equals_the_sums_written_out():
    joint, marginal = torch.randn(6, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
    expected = sum(joint.tolist()) / 6 - math.log(sum(math.exp(m) for m in marginal.flatten().tolist()) / 12)
    assert DonskerVaradhan()(joint, marginal).item() == pytest.approx(expected, abs=1e-12)


def test_donsker_varadhan_is_never_below_the_f_divergence_form():
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        joint, marginal = (3 * torch.randn(size, generator=generator) + seed % 5 for size in ((8,), (8, 2)))
        assert DonskerVaradhan()(joint, marginal) >= FDivergence()(joint, marginal) - 1e-5


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


@pytest.mark.parametrize("outlier", [60.0, math.inf])
def test_one_batch_far_above_the_rest_leaves_the_others_their_gradient(outlier):
    bound, usual = DonskerVaradhan(rate=0.01), torch.zeros(4, 1)
    for marginal in (usual, usual + outlier):
        bound.objective(torch.zeros(4), marginal)
    usual.requires_grad_()
    bound.objective(torch.zeros(4), usual).backward()
    assert -usual.grad.sum() > 0.5  # a moving average of e^60 would leave 1e-24


@pytest.mark.parametrize(("above", "counts"), [(3.0, math.exp(3)), (4.6, math.exp(4.6)), (60.0, 100.0)])
def test_a_batch_counts_for_at_most_so_many_averages(above, counts):
    """In the average and in the gradient, so that the two still fit each other."""
    bound, usual = DonskerVaradhan(rate=0.01).double(), torch.zeros(4, 1, dtype=torch.float64)
    bound.objective(usual[:, 0], usual)
    high = (usual + above).requires_grad_()
    bound.objective(usual[:, 0], high).backward()
    average = 0.99 + 0.01 * counts
    assert bound.log_average.exp().item() == pytest.approx(average, rel=1e-5)
    assert -high.grad.sum().item() == pytest.approx(counts / average, rel=1e-5)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_the_average_stays_in_float32_where_a_module_is_made_half(half):
    bound = torch.nn.Sequential(DonskerVaradhan()).to(half)[0]
    assert bound.log_average.dtype == torch.float32
    for mean in [5.0] + 2000 * [3.0]:
        bound.objective(torch.zeros(4, dtype=half), torch.full((4, 1), mean, dtype=half))
    assert bound.log_average.item() == pytest.approx(3, abs=1e-3)
    assert bound.double().log_average.dtype == torch.float64


def test_a_first_batch_that_overflows_is_not_the_average():
    bound = DonskerVaradhan()
    for scores in (torch.tensor([[math.inf], [0.0]]), torch.zeros(2, 1)):
        bound.objective(torch.zeros(2), scores)
    assert bound.log_average == 0


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


@pytest.mark.parametrize("score", [math.inf, math.nan])
def test_a_batch_that_overflowed_has_no_drift(score):
    bound = DonskerVaradhan()
    bound.objective(torch.zeros(2), torch.zeros(2, 1))
    assert bound.drift(torch.full((2, 1), 0.5)).item() == pytest.approx(0.5)
    assert bound.drift(torch.tensor([[0.0], [score]])).item() == 0


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
