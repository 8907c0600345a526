"""T over standardised codes: the unit of z decides nothing, neither what T reads nor where a host is pushed."""

import copy
from functools import partial

import pytest
import torch

from mine_lightning.estimator import MINE
from mine_lightning.networks import MLPStatistics, SeparableStatistics, StandardisedStatistics
from mine_lightning.pairing import AllOthers

MLP = partial(StandardisedStatistics, network=partial(MLPStatistics, hidden=(8,)))
ALL_PAIRS = partial(StandardisedStatistics, network=SeparableStatistics)


def pairs(n=32, z_shape=(3,)):
    return torch.randn(n, 2).double(), torch.randn(n, *z_shape).double()


def by_hand(z):
    z = z.reshape(len(z), -1)
    variance = z.var(0, correction=0)
    return (z - z.mean(0)) / (variance + 1e-5 * variance.mean()).sqrt()


@pytest.mark.parametrize("make", [MLP, ALL_PAIRS])
@pytest.mark.parametrize("z_shape", [(3,), (), (2, 2)])
def test_score_is_that_of_the_network_on_standardised_z(make, z_shape):
    T, (x, z) = make((2,), z_shape).double(), pairs(z_shape=z_shape)
    torch.testing.assert_close(T(x, z), T.network(x, by_hand(z)))


@pytest.mark.parametrize("make", [MLP, ALL_PAIRS])
def test_joint_and_marginal_pairs_share_the_moments_of_the_batch(make):
    x, z = pairs()
    mine = MINE(make, (2,), (3,), pairing=AllOthers()).double()
    T, n = mine.statistics_network.network, len(x)
    joint, marginal = mine.scores(x, z)
    torch.testing.assert_close(joint, T(x, by_hand(z)))
    others = torch.stack([T(x, by_hand(z).roll(-shift, 0)) for shift in range(1, n)], dim=1)
    torch.testing.assert_close(marginal, others)


def test_a_host_gains_nothing_by_moving_or_scaling_z():
    x, z = pairs()
    value_and_slope = {}
    for make in (MLP, partial(MLPStatistics, hidden=(8,), input_noise=0.3)):
        mine = MINE(make, (2,), (3,)).double()
        shift, scale = (torch.full((3,), v, dtype=torch.float64, requires_grad=True) for v in (0.0, 1.0))
        value = mine.bound(*mine.scores(x, z * scale + shift))
        moved = mine.bound(*mine.scores(x, z * 7 - 2)) - value
        slopes = torch.autograd.grad(value, (shift, scale))
        value_and_slope[make] = [abs(moved.item()), *(slope.abs().max().item() for slope in slopes)]
    standardised, plain = value_and_slope.values()
    assert max(standardised) < 1e-4 < min(plain) / 10  # the rest is the 1e-5 under the root


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e4])
def test_z_in_any_unit_is_the_same_z_in_training_and_evaluation(scale):
    T, (x, z) = MLP((2,), (3,)).float(), (side.float() for side in pairs())
    other = copy.deepcopy(T)
    torch.testing.assert_close(other(x, scale * z), T(x, z))
    torch.testing.assert_close(other.eval()(x, scale * z), T.eval()(x, z))  # after one batch


def test_a_constant_coordinate_has_no_rounding_blown_up():
    z = torch.randn(64, 3, requires_grad=True)
    z.data[:, 1] = 0.1
    T = MLP((2,), (3,))
    T(torch.randn(64, 2), z).sum().backward()
    assert T._standardised(z)[:, 1].abs().max() < 1e-3
    assert z.grad.abs().max() < 1e3


def test_the_first_running_moments_are_the_mean_of_the_batches():
    T = MLP((2,), (3,))
    batches = [torch.randn(20, 3) * 0.01 + 5 for _ in range(5)]
    for z in batches:
        T(torch.randn(20, 2), z)
    torch.testing.assert_close(T.moments.mean, torch.stack([z.mean(0) for z in batches]).mean(0))
    torch.testing.assert_close(T.moments.variance, torch.stack([z.var(0) for z in batches]).mean(0))


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_batch_that_is_not_finite_leaves_the_running_moments(bad):
    T, (x, z) = MLP((2,), (3,)).double(), pairs()
    T(x, z)
    before = {name: value.clone() for name, value in T.state_dict().items()}
    T(x, torch.where(torch.arange(3) == 1, bad, z))
    for name, value in T.state_dict().items():
        assert torch.equal(value, before[name])


def test_evaluation_reads_running_moments_so_that_a_pair_counts_alone():
    T, (x, z) = MLP((2,), (3,), momentum=0.5).double(), pairs()
    for _ in range(60):
        T(x, 5 * z + 3)
    T.eval()
    torch.testing.assert_close(T(x, 5 * z + 3)[4:5], T(x[4:5], 5 * z[4:5] + 3))
    expected = (z - z.mean(0)) / z.std(0)
    torch.testing.assert_close(T(x, 5 * z + 3), T.network(x, expected), rtol=1e-4, atol=1e-4)


def test_all_pairs_are_offered_where_the_network_offers_them():
    assert not hasattr(MLP((2,), (3,)), "matrix")
    assert ALL_PAIRS((2,), (3,)).matrix(*(side.float() for side in pairs(5))).shape == (5, 5)


def test_a_bias_that_the_bound_cannot_see_is_left_out_as_without():
    for make in (MLP, ALL_PAIRS):
        mine = MINE(make, (2,), (3,))
        (group,) = mine.configure_optimizers().param_groups
        assert not any(parameter is mine.statistics_network.network.output.bias for parameter in group["params"])


def test_a_checkpoint_from_before_the_moments_were_a_module_loads():
    mine, other = (MINE(MLP, (2,), (3,), seed=seed) for seed in (0, 1))
    mine.scores(torch.randn(8, 2), torch.randn(8, 3))
    old = {key.replace(".moments.", "."): value for key, value in mine.state_dict().items()}
    assert old.keys() != mine.state_dict().keys()
    other.load_state_dict(old)
    found = other.statistics_network.state_dict()
    for key, value in mine.statistics_network.state_dict().items():
        assert torch.equal(found[key], value), key
