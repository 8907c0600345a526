"""Mean and spread of a code: of the batch in training, of all batches so far in evaluation."""

import pytest
import torch

from mine_lightning.networks.running_moments import (
    RunningMoments,
    mean_absolute_deviation_squared,
    population_variance,
    standardised,
)

Z = torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 1


@pytest.mark.parametrize("spread", [population_variance, mean_absolute_deviation_squared])
def test_in_training_they_are_the_batchs_own_and_carry_its_gradient(spread):
    z = Z.clone().requires_grad_()
    mean, found = RunningMoments(3, spread).double()(z)
    torch.testing.assert_close(mean, Z.mean(0))
    torch.testing.assert_close(found, spread(Z))
    assert mean.requires_grad
    assert found.requires_grad


def test_the_spreads_are_those_of_numpy():
    z = Z.numpy()
    torch.testing.assert_close(population_variance(Z), torch.from_numpy(z.var(0)))
    expected = (abs(z - z.mean(0)).mean(0)) ** 2
    torch.testing.assert_close(mean_absolute_deviation_squared(Z), torch.from_numpy(expected))


def test_a_sample_far_out_moves_a_mean_deviation_less_than_a_variance():
    far = Z.clone()
    far[0] = 300.0
    variance, deviation = (f(far) / f(Z) for f in (population_variance, mean_absolute_deviation_squared))
    assert (variance > 5 * deviation).all()


def test_in_evaluation_they_are_the_mean_of_the_first_batches_and_then_lag():
    moments = RunningMoments(3, momentum=0.5).double()
    for shift in (0.0, 4.0):
        moments(Z + shift)
    mean, variance = moments.eval()(Z[:1])
    torch.testing.assert_close(mean, Z.mean(0) + 2)
    torch.testing.assert_close(variance, Z.var(0))
    moments.train()(Z + 10)  # a third would weigh a third; it weighs the momentum
    torch.testing.assert_close(moments.eval()(Z[:1])[0], Z.mean(0) + 6)


def test_a_batch_that_is_not_finite_leaves_them_as_they_are():
    moments = RunningMoments(3).double()
    moments(Z)
    before = moments.eval()(Z)
    moments.train()(torch.full_like(Z, float("inf")))
    for kept, now in zip(before, moments.eval()(Z), strict=True):
        assert torch.equal(kept, now)


def test_standardised_by_their_own_moments_codes_have_mean_0_and_variance_1():
    found = standardised(Z, Z.mean(0), population_variance(Z))
    torch.testing.assert_close(found.mean(0), torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(found.var(0, correction=0), torch.ones(3, dtype=torch.float64), rtol=1e-4, atol=1e-4)
    same = standardised(torch.ones(4, 2), torch.ones(2), torch.zeros(2))
    assert not same.any()


@pytest.mark.parametrize("spread", [population_variance, mean_absolute_deviation_squared])
def test_codes_that_are_all_the_same_have_a_finite_gradient(spread):
    z = torch.ones(8, 3, requires_grad=True)
    standardised(z, *RunningMoments(3, spread)(z)).square().sum().backward()
    assert z.grad.isfinite().all()
