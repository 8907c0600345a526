"""Discriminators give one logit an image."""

import torch
from torch import nn

from mine_lightning.networks import ConvDiscriminator


def test_one_logit_an_image_and_gradient_everywhere():
    discriminator = ConvDiscriminator(channels=2, width=4)
    logits = discriminator(torch.randn(5, 2, 28, 28))
    assert logits.shape == (5,)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in discriminator.parameters())


def test_the_first_layer_is_not_normalised():
    kinds = [type(layer) for layer in ConvDiscriminator().body]
    assert kinds[:2] == [nn.Conv2d, nn.LeakyReLU]
    assert kinds.count(nn.BatchNorm2d) == 2
