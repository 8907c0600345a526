"""The separable statistics network; its laws are walked in test_statistics."""

import math

import pytest
import torch
from torch.nn import functional as F

from mine_lightning.networks.separable import (
    BilinearStatistics,
    ImageEncoder,
    SeparableStatistics,
    VectorEncoder,
    encoder_for,
)


def test_score_is_an_inner_product_and_a_shift_of_each_side():
    T = SeparableStatistics((2,), (3,), embedding=4)
    x, z = torch.randn(5, 2), torch.randn(5, 3)
    f, g = T.f(x), T.g(z)
    expected = [
        sum(T.output.weight[0, e] * f[i, e] * g[i, e] for e in range(4)) + f[i, 4] + g[i, 4] + T.output.bias[0]
        for i in range(5)
    ]
    torch.testing.assert_close(T(x, z), torch.stack(expected))


@pytest.mark.parametrize(("x_shape", "z_shape"), [((2,), (3,)), ((1, 9, 9), ())])
def test_matrix_holds_the_score_of_every_pair(x_shape, z_shape):
    T = SeparableStatistics(x_shape, z_shape).double()
    x, z = torch.randn(4, *x_shape).double(), torch.randn(6, *z_shape).double()
    matrix = T.matrix(x, z)
    assert matrix.shape == (4, 6)
    for j in range(6):
        torch.testing.assert_close(matrix[:, j], T(x, z[j : j + 1].expand(4, *z_shape)))


@pytest.mark.parametrize(("x_shape", "z_shape"), [((2,), (3,)), ((2, 2), ())])
def test_a_bilinear_form_is_the_sum_written_out_for_every_pair(x_shape, z_shape):
    T = BilinearStatistics(x_shape, z_shape).double()
    x, z = torch.randn(4, *x_shape).double(), torch.randn(6, *z_shape).double()
    assert not T.matrix(x, z).any()  # it starts at zero
    for parameter in T.parameters():
        torch.nn.init.normal_(parameter)
    matrix = T.matrix(x, z)
    assert matrix.shape == (4, 6)
    for i, u in enumerate(x.reshape(4, -1)):
        for j, v in enumerate(z.reshape(6, -1)):
            form = u @ T.form @ v
            form = form + T.a.weight[0] @ torch.cat([u, u**2 - 1]) + T.b.weight[0] @ torch.cat([v, v**2 - 1])
            torch.testing.assert_close(matrix[i, j], form * T.output.weight[0, 0] + T.output.bias[0])
    for j in range(6):
        torch.testing.assert_close(T(x, z[j : j + 1].expand(4, *z_shape)), matrix[:, j])


def test_vector_encoder_sees_x_its_squared_length_and_cosines_of_its_rank():
    encoder = VectorEncoder((2,), 3, hidden=(4,), cosines=4)
    x = torch.randn(5, 2)
    u = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    length = (x[:, :1] ** 2 + x[:, 1:] ** 2 - 2) / 2
    features = torch.cat([x, length, torch.cos(math.pi * u), torch.cos(2 * math.pi * u)], dim=1)
    expected = encoder.body[2](F.silu(encoder.body[0](features)))
    torch.testing.assert_close(encoder(x), expected)


def test_squared_length_is_standardised_for_normal_x():
    encoder = VectorEncoder((3,), 1, hidden=())  # three dimensions: no cosines
    with torch.no_grad():
        encoder.body[0].weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 1.0]]))  # the length alone
        encoder.body[0].bias.zero_()
        length = encoder(torch.randn(200_000, 3))
    assert length.mean().item() == pytest.approx(0, abs=0.02)
    assert length.std().item() == pytest.approx(1, abs=0.02)


def test_encoder_is_chosen_by_shape():
    assert isinstance(encoder_for((3, 8, 8), 5), ImageEncoder)
    assert isinstance(encoder_for((8,), 5), VectorEncoder)
    assert encoder_for((1, 7, 5), 5)(torch.randn(2, 1, 7, 5)).shape == (2, 5)


def test_noise_on_images_stays_in_evaluation_mode():
    x = torch.randn(4, 1, 9, 9)
    for noise in (0.0, 0.5):
        encoder = ImageEncoder((1, 9, 9), 3, input_noise=noise).eval()
        assert torch.equal(encoder(x), encoder(x)) == (noise == 0)
