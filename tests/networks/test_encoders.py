"""Encoders: one vector an image; the stochastic one has the moments that it says, and gradient passes through."""

import math
from functools import partial

import pytest
import torch

from mine_lightning.errors import InputError
from mine_lightning.networks import ConvEncoder, DenseEncoder, FaceEncoder, GaussianEncoder


@pytest.mark.parametrize(("make", "side"), [(ConvEncoder, 28), (FaceEncoder, 64)])
def test_one_vector_an_image_and_gradient_everywhere(make, side):
    encoder = make(7, channels=2, width=2)
    vectors = encoder(torch.randn(5, 2, side, side))
    assert vectors.shape == (5, 7)
    vectors.sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_dense_layers_encode_too():
    encoder = DenseEncoder(7, channels=2, side=5, hidden=(6, 4))
    assert encoder(torch.randn(5, 2, 5, 5)).shape == (5, 7)
    assert encoder.output.in_features == 4


def test_draws_have_the_moments_that_the_body_gives():
    encoder = GaussianEncoder(2, partial(ConvEncoder, width=2)).eval()
    with torch.no_grad():
        encoder.body.output.bias.copy_(torch.tensor([0.5, -3.0, 0.0, -1.0]))
        image = torch.randn(1, 3, 28, 28).expand(20_000, -1, -1, -1)
        mean, log_std = encoder.moments(image[:1])
        draws = torch.cat([encoder(part) for part in image.split(5000)])
    torch.testing.assert_close(draws.mean(dim=0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(draws.std(dim=0), log_std[0].exp(), atol=0, rtol=0.03)
    assert abs(mean[0, 1].item() + 3) < 0.5


def test_a_largest_deviation_is_never_exceeded_and_the_body_gives_its_logit():
    encoder = GaussianEncoder(1, body=lambda outputs: torch.nn.Identity(), largest_std=2.0)
    raw = torch.tensor([[0.5, 0.0], [0.5, math.log(3)], [0.5, 90.0], [0.5, -90.0]], requires_grad=True)
    mean, log_std = encoder.moments(raw)
    assert mean.flatten().tolist() == [0.5] * 4
    torch.testing.assert_close(log_std.exp().flatten(), torch.tensor([1.0, 1.5, 2.0, 0.0]))
    (slope,) = torch.autograd.grad(log_std.sum(), raw)
    assert slope.isfinite().all()  # far out on either side too
    with pytest.raises(InputError, match="largest_std above 0 but got 0"):
        GaussianEncoder(1, largest_std=0.0)


def test_the_gradient_passes_through_the_draw():
    encoder = GaussianEncoder(2, partial(ConvEncoder, width=2))
    torch.manual_seed(5)
    z = encoder(torch.randn(4, 3, 28, 28))
    (slope,) = torch.autograd.grad(z.sum(), encoder.body.output.bias)
    assert slope[:2].tolist() == [4.0, 4.0]  # dz/dmean = 1
    assert (slope[2:].abs() > 1e-3).all()  # dz/dlog_std = z - mean


@pytest.mark.parametrize("make", [ConvEncoder, FaceEncoder])
def test_weights_start_as_dcgans_do(make):
    encoder = make(7, width=16)
    assert encoder.body[0].weight.std().item() == pytest.approx(0.02, rel=0.15)
    assert not encoder.output.bias.any()
