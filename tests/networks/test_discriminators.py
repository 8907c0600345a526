"""Discriminators give one logit a sample, from features that lie open, by the layers of their papers."""

import pytest
import torch
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.networks import (
    ConvDiscriminator,
    DenseDiscriminator,
    FaceDiscriminator,
    LargeDiscriminator,
    MLPDiscriminator,
    SmallDiscriminator,
    Waves,
)
from mine_lightning.networks.statistics import GaussianNoise

DISCRIMINATORS = [
    (ConvDiscriminator, {"width": 4}, (2, 28, 28)),
    (SmallDiscriminator, {"width": 2}, (2, 28, 28)),
    (LargeDiscriminator, {"width": 2}, (2, 28, 28)),
    (FaceDiscriminator, {"width": 2}, (2, 64, 64)),
    (DenseDiscriminator, {"side": 6, "hidden": (7, 5)}, (2, 6, 6)),
    (MLPDiscriminator, {"hidden": (7, 5)}, (2,)),
    (MLPDiscriminator, {"hidden": (7, 5), "waves": 3}, (2,)),
]


@pytest.mark.parametrize(("make", "sizes", "shape"), DISCRIMINATORS)
def test_one_logit_a_sample_from_the_features_and_gradient_everywhere(make, sizes, shape):
    discriminator, samples = make(2, **sizes), torch.randn(5, *shape)
    logits = discriminator(samples)
    assert logits.shape == (5,)
    features = discriminator.eval().features(samples)
    torch.testing.assert_close(discriminator(samples), discriminator.output(features).squeeze(1))
    assert features.shape == (5, discriminator.output.in_features)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in discriminator.parameters())


def test_the_first_layer_is_normalised_in_the_small_network_alone():
    kinds = {make: [type(layer) for layer in make().body] for make, *_ in DISCRIMINATORS}
    assert kinds[ConvDiscriminator][:2] == kinds[LargeDiscriminator][:2] == [nn.Conv2d, nn.LeakyReLU]
    assert kinds[SmallDiscriminator][:3] == [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    normalised = {make: kinds[make].count(nn.BatchNorm2d) for make in kinds}
    assert list(normalised.values()) == [2, 3, 3, 3, 0, 0]


def test_feature_maps_are_those_of_the_papers():
    def maps(network):
        return [layer.out_channels for layer in network.body if isinstance(layer, nn.Conv2d)]

    assert maps(SmallDiscriminator()) == [2, 4, 8]
    assert maps(LargeDiscriminator()) == maps(FaceDiscriminator()) == [64, 128, 256, 512]
    assert [layer.out_features for layer in MLPDiscriminator().body if isinstance(layer, nn.Linear)] == [400] * 3
    dense = [layer.out_features for layer in DenseDiscriminator().body if isinstance(layer, nn.Linear)]
    assert dense == [1000, 500, 250, 250, 250]


def test_waves_of_a_vector_are_read_beside_it():
    discriminator = MLPDiscriminator(hidden=(7,), waves=3, frequency=0.1)
    assert isinstance(discriminator.body[0], Waves)
    assert discriminator.body[1].in_features == 2 + 2 * 3
    assert not [layer for layer in MLPDiscriminator().body if isinstance(layer, Waves)]
    with pytest.raises(InputError, match="waves of at least 1"):
        MLPDiscriminator(waves=-1)


def test_noise_of_dense_layers_is_training_modes_alone():
    discriminator, images = DenseDiscriminator(side=6, hidden=(50,), hidden_noise=0.0), torch.randn(3, 1, 6, 6)
    assert not torch.equal(discriminator(images), discriminator(images))
    discriminator.eval()
    assert torch.equal(discriminator(images), discriminator(images))
    noises = [layer.std for layer in DenseDiscriminator().body if isinstance(layer, GaussianNoise)]
    assert noises == [0.3] + 5 * [0.5]


@pytest.mark.parametrize("make", [ConvDiscriminator, SmallDiscriminator, LargeDiscriminator, FaceDiscriminator])
def test_weights_start_as_dcgans_do(make):
    network = make(width=16)
    assert network.body[0].weight.std().item() == pytest.approx(0.02, rel=0.15)
    assert not network.output.bias.any()
