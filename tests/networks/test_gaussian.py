"""T as the log-ratio of Gaussians: equal to torch's own densities, and the bound on it to I(x; z) in closed form."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.errors import InputError
from mine_lightning.networks import GaussianStatistics


@pytest.mark.parametrize("z_shape", [(3,), (), (2, 2)])
def test_a_score_is_the_ratio_of_two_densities(z_shape):
    T, x, z = GaussianStatistics((5,), z_shape).double(), torch.randn(7, 5).double(), torch.randn(7, *z_shape).double()
    mean, std = T.moments(x)
    flat = z.reshape(7, -1)
    expected = Normal(mean, std).log_prob(flat) - Normal(0.0, 1.0).log_prob(flat)
    torch.testing.assert_close(T(x, z), expected.sum(dim=1))


@pytest.mark.parametrize("z_shape", [(3,), (), (2, 2)])
def test_the_matrix_has_the_score_of_every_pair(z_shape):
    T, x, z = GaussianStatistics((5,), z_shape).double(), torch.randn(7, 5).double(), torch.randn(4, *z_shape).double()
    expected = torch.stack([T(x, z[i].expand(7, *z_shape)) for i in range(4)], dim=1)
    torch.testing.assert_close(T.matrix(x, z), expected)


@pytest.mark.parametrize(("z_shape", "parts"), [((6,), 3), ((2, 2), 1), ((4,), 4)])
def test_parts_score_runs_of_coordinates_and_add_up_to_the_whole(z_shape, parts):
    T, x, z = (
        GaussianStatistics((5,), z_shape, parts=parts).double(),
        torch.randn(7, 5).double(),
        torch.randn(4, *z_shape),
    )
    z = z.double()
    whole = GaussianStatistics((5,), z_shape).double()
    whole.load_state_dict(T.state_dict())
    matrix = T.matrix(x, z)
    assert matrix.shape == (7, 4, parts)
    torch.testing.assert_close(matrix.sum(dim=2), whole.matrix(x, z))
    torch.testing.assert_close(torch.stack([T(x, z[i].expand(7, *z_shape)) for i in range(4)], dim=1), matrix)
    mean, std = T.moments(x)
    first = Normal(mean, std).log_prob(z.flatten(1)[:1]) - Normal(0.0, 1.0).log_prob(z.flatten(1)[:1])
    width = T.numbers // parts
    torch.testing.assert_close(matrix[:, 0, 0], first[:, :width].sum(dim=1))


@pytest.mark.parametrize("parts", [0, -1, 2, 6])
def test_parts_that_do_not_divide_z_are_refused(parts):
    with pytest.raises(InputError, match="Expected parts to divide the 3 numbers of z but got"):
        GaussianStatistics((5,), (3,), parts=parts)


@pytest.mark.parametrize("parts", [None, 4])
def test_under_autocast_the_matrix_is_as_exact_as_the_scores(parts):
    T = GaussianStatistics((32,), (32,), x_encoder=lambda shape, outputs: Moments(1.0, 0.11), least=0.1, parts=parts)
    z = 1.5 + 0.1 * torch.randn(50, 32, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        found = T.matrix(z, z).diagonal(dim1=0, dim2=1).movedim(-1, 0)
    torch.testing.assert_close(found, T(z, z), atol=1e-2, rtol=0)


def test_with_the_true_moments_the_bound_is_the_information():
    """z = rho x + noise, both standard normal: I = -ln(1 - rho^2) / 2."""
    rho, generator = 0.8, torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 20_000, 1, generator=generator, dtype=torch.float64)
    z = rho * x + math.sqrt(1 - rho**2) * noise

    def true(x_shape, outputs):
        return Moments(rho, math.sqrt(1 - rho**2))

    T = GaussianStatistics((1,), (1,), x_encoder=true, least=0.1)
    torch.testing.assert_close(T.moments(x)[1], torch.full_like(x, math.sqrt(1 - rho**2)))
    marginal = torch.stack([T(x, z.roll(shift, 0)) for shift in range(1, 20)], dim=1)
    value = DonskerVaradhan()(T(x, z), marginal).item()
    assert value == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.02)


def test_no_deviation_is_below_the_least():
    T = GaussianStatistics((1,), (1,), x_encoder=lambda shape, outputs: Moments(1.0, 0.2), least=0.2)
    assert (T.moments(torch.randn(5, 1))[1] >= 0.2).all()


@pytest.mark.parametrize("least", [-0.1, 0.0, 1.0, float("nan")])
def test_a_least_deviation_that_is_none_is_refused(least):
    with pytest.raises(InputError, match="Expected least, of a standard deviation, between 0 and 1 but got"):
        GaussianStatistics((1,), (1,), least=least)


def test_an_encoder_of_another_width_is_told():
    T = GaussianStatistics((2,), (3,), x_encoder=lambda shape, outputs: nn.Linear(2, 2))
    with pytest.raises(
        InputError, match=r"x_encoder to return 6 numbers for each x but 5 samples gave the shape \[5, 2\]"
    ):
        T(torch.randn(5, 2), torch.randn(5, 3))


class Moments(nn.Module):
    """Mean rho x and a log-deviation that the sigmoid of T brings to ``std``, of a least of 0.1."""

    def __init__(self, rho, std):
        super().__init__()
        self.rho, share = rho, (std - 0.1) / 0.9
        self.logit = math.log(share / (1 - share))

    def forward(self, x):
        return torch.cat([self.rho * x, torch.full_like(x, self.logit)], dim=1)
