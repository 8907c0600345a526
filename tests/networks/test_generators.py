"""Generators make samples of the promised size and range, by the promised layers."""

import pytest
import torch
from torch import nn

from mine_lightning.networks import (
    ConvGenerator,
    DenseGenerator,
    FaceGenerator,
    LargeGenerator,
    MLPGenerator,
    SmallGenerator,
)

GENERATORS = [ConvGenerator, SmallGenerator, LargeGenerator, FaceGenerator]


@pytest.mark.parametrize("make", GENERATORS)
def test_images_are_of_their_side_in_minus_one_to_one(make):
    images = make(latent=7, channels=3, width=4)(10 * torch.randn(5, 7))
    side = SIDES[make][-1][1]
    assert images.shape == (5, 3, side, side)
    assert images.abs().max() <= 1


SIDES = {
    ConvGenerator: [(64, 7), (32, 14), (3, 28)],
    SmallGenerator: [(32, 7), (16, 14), (8, 28)],
    LargeGenerator: [(256, 4), (128, 7), (64, 14), (3, 28)],
    FaceGenerator: [(256, 8), (128, 16), (64, 32), (3, 64)],
}


@pytest.mark.parametrize("make", GENERATORS)
def test_maps_and_sides_grow_as_in_the_papers(make):
    generator, sides = make(latent=7), []
    for layer in generator.body:
        if isinstance(layer, nn.ConvTranspose2d):
            layer.register_forward_hook(lambda module, args, output: sides.append(tuple(output.shape[1:3])))
    generator(torch.randn(2, 7))
    assert sides == SIDES[make]


@pytest.mark.parametrize("make", GENERATORS)
def test_weights_start_as_dcgans_do(make):
    generator = make(latent=100)
    assert abs(generator.dense.weight.std().item() - 0.02) < 0.001
    first = next(layer for layer in generator.body if isinstance(layer, nn.ConvTranspose2d))
    assert first.weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_vectors_are_not_bounded():
    generator = MLPGenerator(latent=3, outputs=2, hidden=(6, 5))
    assert generator(torch.randn(8, 3)).shape == (8, 2)
    assert [layer.out_features for layer in generator.body if isinstance(layer, nn.Linear)] == [6, 5, 2]
    nn.init.constant_(generator.body[-1].bias, 7.0)
    assert generator(torch.randn(800, 3)).mean().item() == pytest.approx(7.0, abs=1.0)


def test_a_staircase_is_of_tanh_without_normalisation():
    kinds = [type(layer) for layer in MLPGenerator(latent=3, hidden=(6, 5), staircase=True).body]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
    assert [type(layer) for layer in MLPGenerator(hidden=(6,)).body][1:3] == [nn.BatchNorm1d, nn.LeakyReLU]


def test_dense_layers_make_images_too():
    generator = DenseGenerator(latent=3, channels=2, side=5, hidden=(6, 5))
    images = generator(10 * torch.randn(8, 3))
    assert images.shape == (8, 2, 5, 5)
    assert images.abs().max() <= 1
    assert [layer.out_features for layer in DenseGenerator().body if isinstance(layer, nn.Linear)] == [500, 500, 784]
