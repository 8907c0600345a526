"""How weights start: N(0, 0.02) for a GAN, by Xavier's rule for a perceptron, biases at zero, and nothing else."""

import pytest
import torch
from torch import nn

from mine_lightning.networks.weights import dcgan_weights, xavier_weights


@pytest.mark.parametrize("layer", [nn.Conv2d(64, 64, 5), nn.ConvTranspose2d(64, 64, 5), nn.Linear(300, 300)])
def test_layers_are_drawn_from_a_narrow_normal(layer):
    layer.apply(dcgan_weights)
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0.0, abs=5e-4)
    assert not layer.bias.any()


def test_layers_without_bias_and_other_modules_are_fine():
    nn.Conv2d(2, 2, 3, bias=False).apply(dcgan_weights)
    norm = nn.BatchNorm2d(3)
    before = norm.weight.detach().clone()
    norm.apply(dcgan_weights)
    assert torch.equal(norm.weight, before)


def test_xavier_draws_dense_layers_uniformly_and_leaves_the_rest():
    layer, other = nn.Linear(300, 100), nn.Conv2d(2, 2, 3)
    before = other.weight.detach().clone()
    layer.apply(xavier_weights)
    other.apply(xavier_weights)
    limit = (6 / 400) ** 0.5
    assert limit * 0.99 < layer.weight.abs().max().item() <= limit
    assert layer.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.02)
    assert not layer.bias.any()
    assert torch.equal(other.weight, before)
    nn.Linear(2, 2, bias=False).apply(xavier_weights)
