"""Generators make images of the promised size and range, by the promised layers."""

import torch
from torch import nn

from mine_lightning.networks import ConvGenerator


def test_images_are_28_pixels_in_minus_one_to_one():
    images = ConvGenerator(latent=7, channels=3, width=4)(10 * torch.randn(5, 7))
    assert images.shape == (5, 3, 28, 28)
    assert images.abs().max() <= 1


def test_sides_grow_as_in_the_paper():
    generator, sides = ConvGenerator(latent=7, width=4), []
    for layer in generator.body:
        if isinstance(layer, nn.ConvTranspose2d):
            layer.register_forward_hook(lambda module, args, output: sides.append(tuple(output.shape[1:3])))
    generator(torch.randn(2, 7))
    assert sides == [(8, 7), (4, 14), (3, 28)]


def test_weights_start_as_dcgans_do():
    weight = ConvGenerator(width=16).dense.weight
    assert abs(weight.std().item() - 0.02) < 0.001
