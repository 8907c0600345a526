"""Every map is one-to-one: it can be turned back, or rises."""

import pytest
import torch

from mine_lightning.data.known_mi import Gaussian, Mapped, sparse
from mine_lightning.data.known_mi.maps import Spiral, asinh, half_cube, normal_cdf, swiss_roll, wiggly, wobbly


@pytest.mark.parametrize("function", [asinh, half_cube, normal_cdf, wiggly, wobbly], ids=lambda f: f.__name__)
def test_elementwise_maps_rise(function):
    x = torch.linspace(-5, 5, 20_000, dtype=torch.float64)[:, None]
    assert (function(x).diff(dim=0) > 0).all()


def test_a_spiral_keeps_lengths_and_turns_back():
    x = torch.randn(100, 4, dtype=torch.float64)
    turned = Spiral((0, 2), 0.7)(x)
    torch.testing.assert_close(turned.norm(dim=1), x.norm(dim=1))
    torch.testing.assert_close(turned[:, [1, 3]], x[:, [1, 3]])
    assert not torch.allclose(turned, x)
    torch.testing.assert_close(Spiral((0, 2), -0.7)(turned), x)


def test_a_swiss_roll_can_be_unrolled():
    x = torch.rand(100, 1, dtype=torch.float64)
    radius = swiss_roll(x).norm(dim=1, keepdim=True) * 21
    torch.testing.assert_close((radius / (1.5 * torch.pi) - 1) / 2, x)


def test_mapped_has_the_inner_information_and_the_mapped_sample():
    inner = Gaussian("g", sparse(1, 0.6))
    mapped = Mapped("m", inner, asinh, half_cube)
    assert mapped.mi == inner.mi
    (x, z), (u, v) = inner.sample(50, 3), mapped.sample(50, 3)
    torch.testing.assert_close(u, x.asinh())
    torch.testing.assert_close(v, half_cube(z))
