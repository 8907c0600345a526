"""Laws of every statistics network, and what each is made of."""

import pytest
import torch
from cases import STATISTICS
from torch.nn import functional as F

from mine_lightning.networks.statistics import ConvStatistics, GaussianNoise, MLPStatistics


@pytest.mark.parametrize(("make", "x_shape", "z_shape"), STATISTICS)
class TestEveryStatisticsNetwork:
    def test_one_score_a_pair(self, make, x_shape, z_shape):
        assert make(x_shape, z_shape)(torch.randn(5, *x_shape), torch.randn(5, *z_shape)).shape == (5,)

    def test_a_score_does_not_depend_on_the_other_pairs(self, make, x_shape, z_shape):
        T = make(x_shape, z_shape).double()
        x, z = torch.randn(6, *x_shape).double(), torch.randn(6, *z_shape).double()
        torch.testing.assert_close(T(x, z)[2:3], T(x[2:3], z[2:3]))

    def test_gradient_reaches_both_inputs_and_every_weight(self, make, x_shape, z_shape):
        T = make(x_shape, z_shape)
        x, z = torch.randn(5, *x_shape, requires_grad=True), torch.randn(5, *z_shape, requires_grad=True)
        T(x, z).sum().backward()
        assert all(tensor.grad is not None and tensor.grad.abs().sum() > 0 for tensor in (x, z, *T.parameters()))

    def test_last_layer_is_called_output(self, make, x_shape, z_shape):
        assert make(x_shape, z_shape).output.out_features == 1


def test_mlp_is_the_concatenation_through_elu_layers():
    T = MLPStatistics((2,), (1,), hidden=(4,))
    x, z = torch.randn(3, 2), torch.randn(3, 1)
    first = T.body[1]
    expected = T.output(F.elu(first(torch.cat([x, z], dim=1))))[:, 0]
    torch.testing.assert_close(T(x, z), expected)


def test_code_enters_each_conv_layer_as_one_bias_a_feature_map():
    T = ConvStatistics((1, 8, 8), (2,), channels=(3, 4), hidden=5, kernel=3)
    x, z = torch.randn(2, 1, 8, 8), torch.randn(2, 2)
    h = F.elu(F.conv2d(x, T.layers[0].weight, T.layers[0].bias, 2, 1) + T.biases[0](z).view(2, 3, 1, 1))
    h = F.elu(F.conv2d(h, T.layers[1].weight, T.layers[1].bias, 2, 1) + T.biases[1](z).view(2, 4, 1, 1))
    expected = T.output(F.elu(T.dense(h.flatten(1)) + T.biases[2](z)))[:, 0]
    torch.testing.assert_close(T(x, z), expected)


def test_noise_has_its_standard_deviation_in_training_and_none_in_evaluation():
    noise = GaussianNoise(0.3)
    assert noise(torch.zeros(100_000)).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(noise.eval()(torch.ones(3)), torch.ones(3))


def test_vectors_are_refused_by_the_convolutional_network():
    with pytest.raises(ValueError, match=r"Expected x to be images .* but got shape \(7,\)"):
        ConvStatistics((7,), (2,))


def test_noise_on_the_images_is_for_training_alone():
    T, x, z = ConvStatistics((1, 9, 9), (2,), input_noise=0.5), torch.randn(3, 1, 9, 9), torch.randn(3, 2)
    assert not torch.equal(T(x, z), T(x, z))
    T.eval()
    assert torch.equal(T(x, z), T(x, z))
