"""T of a noisy copy: its formula, what no host can use against it, and information in closed form."""

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.distributions import StudentT

from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.networks import NoisyCopyStatistics, NormalEncoder
from mine_lightning.pairing import Derangements


def pairs(n=16, shape=(3,), noise=0.5):
    x = torch.randn(n, *shape, dtype=torch.float64)
    return x, x + noise * torch.randn_like(x)


@pytest.mark.parametrize("shape", [(3,), (), (2, 2)])
def test_a_score_is_the_log_density_of_students_t_up_to_a_constant(shape):
    """Of nu degrees of freedom and width s: power (nu + 1) / 2 and weight 1 / (nu s^2)."""
    nu, width = 2.0, 0.4
    x, z = pairs(shape=shape)
    T = NoisyCopyStatistics(shape, shape, weight=1 / (nu * width**2), power=(nu + 1) / 2, limit=1e9).double()
    flat_x, flat_z = x.reshape(len(x), -1), z.reshape(len(z), -1)
    unit = (flat_z - flat_z.mean(0)).abs().mean(0)
    density = StudentT(torch.tensor(nu, dtype=torch.float64), flat_x / unit, width).log_prob(flat_z / unit).sum(1)
    found = T(x, z)
    torch.testing.assert_close(found - found[0], density - density[0], rtol=1e-4, atol=1e-4)  # 1e-5 under the root


def test_the_unit_of_a_code_decides_nothing():
    x, z = pairs()
    T, factor = NoisyCopyStatistics((3,), (3,)).double(), torch.tensor([0.3, 1.0, 4.0], dtype=torch.float64)
    torch.testing.assert_close(T(x * 7 - 2, z * 7 - 2), T(x, z))
    torch.testing.assert_close(T(x * factor, z * factor), T(x, z), rtol=1e-3, atol=1e-3)  # but for 1e-5 of the mean


def test_a_pair_far_out_counts_by_the_logarithm_of_its_distance():
    mine = MINE(partial(NoisyCopyStatistics, power=0.5, limit=1e3), (3,), (3,), bound=DonskerVaradhan(rate=1)).double()
    x, z = pairs(n=100)
    before = mine.bound(*mine.scores(x, z)).item()
    z[0] = 1e6
    after = mine.bound(*mine.scores(x, z)).item()
    assert abs(after - before) < 3 * 0.5 * math.log(1e12)


def test_a_distance_that_overflows_is_the_limit():
    T = NoisyCopyStatistics((1,), (1,))
    torch.testing.assert_close(T(10 * torch.ones(4, 1), torch.zeros(4, 1)), torch.full((4,), -20.0))


def test_a_code_almost_without_noise_is_read_as_the_limit_and_no_more():
    mine = MINE(partial(NoisyCopyStatistics, limit=5.0), (3,), (3,), bound=DonskerVaradhan(rate=1)).double()
    optimizer = torch.optim.Adam(mine.parameters(), lr=0.1)
    x, z = pairs(n=64, noise=1e-6)
    for _ in range(300):
        optimizer.zero_grad()
        (-mine.bound(*mine.scores(x, z))).backward()
        optimizer.step()
    value = mine.bound(*mine.scores(x, z)).item()
    assert 4 < value <= 5.0


def test_in_evaluation_mode_the_running_moments_are_those_of_training():
    T, (x, z) = NoisyCopyStatistics((3,), (3,)).double(), pairs(n=2000)
    expected = T(x, z).detach()
    torch.testing.assert_close(T.eval()(x[:1], z[:1]), expected[:1], rtol=1e-3, atol=1e-3)


def test_trained_it_reads_most_of_the_information_in_closed_form_and_not_more():
    """Four coordinates of z = x + noise, both standard normal: I = 4 ln(2) / 2."""
    torch.manual_seed(0)
    mine = MINE(NoisyCopyStatistics, (4,), (4,), bound=DonskerVaradhan(rate=1), pairing=Derangements(8)).double()
    optimizer = torch.optim.Adam(mine.parameters(), lr=3e-2, betas=(0.5, 0.999))
    for _ in range(400):
        optimizer.zero_grad()
        (-mine.bound(*mine.scores(*pairs(n=256, shape=(4,), noise=1.0)))).backward()
        optimizer.step()
    x, z = pairs(n=4000, shape=(4,), noise=1.0)
    with torch.no_grad():
        value = mine.eval().bound(*mine.scores(x, z)).item()
    assert 0.6 * 2 * math.log(2) < value < 2 * math.log(2) + 0.05


def test_a_code_that_starts_noisy_loses_its_information_and_no_other_way_is_open():
    """Descended alone, the term drives the known signal-to-noise ratio down, where its own value says so too."""
    torch.manual_seed(0)
    encoder = NormalEncoder(8, 4, hidden=(16,), shift=0.0).double()
    mine = MINE(NoisyCopyStatistics, (4,), (4,), bound=DonskerVaradhan(rate=1), pairing=Derangements(8)).double()
    ascent = torch.optim.Adam(mine.parameters(), lr=1e-2, betas=(0.5, 0.999))
    descent = torch.optim.Adam(encoder.parameters(), lr=1e-3)

    def known():
        code = encoder(torch.randn(4000, 8, dtype=torch.float64))
        return 0.5 * torch.log1p(code.mean.var(0) / code.std.square().mean(0)).sum().item()

    with torch.no_grad():
        for layer in encoder.body:  # more signal than an untrained encoder has
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(2)
        before = known()
    for _ in range(600):
        code = encoder(torch.randn(128, 8, dtype=torch.float64))
        value = mine.bound(*mine.scores(code.mean, code.z))
        descent.zero_grad()
        value.clamp(min=0).backward()
        descent.step()
        ascent.zero_grad()
        (-mine.bound(*mine.scores(code.mean.detach(), code.z.detach()))).backward()
        ascent.step()
    with torch.no_grad():
        assert known() < before / 3


@pytest.mark.parametrize(
    ("shapes", "other", "told"),
    [
        (((2,), (3,)), {}, "Expected an x of the size of z"),
        (((3,), (3,)), {"weight": 0.0}, "Expected weight, power and limit above 0 but got 0.0, 0.05 and 20.0"),
        (((3,), (3,)), {"limit": math.inf}, "but got 1.0, 0.05 and inf"),
        (((3,), (3,)), {"power": float("nan")}, "but got 1.0, nan and 20.0"),
    ],
)
def test_what_it_cannot_take_is_told(shapes, other, told):
    with pytest.raises(InputError, match=told):
        NoisyCopyStatistics(*shapes, **other)
