"""Statistics networks T(x, z): the critics whose scores the bounds read.

Contract. ``T(x, z)`` takes x ``[n, *x_shape]`` and z ``[n, *z_shape]`` and returns scores ``[n]``. A class here is
made from the two shapes (without the batch axis), so that a config need not repeat them. Its last layer is called
``output``: under a shift-invariant bound its bias has no gradient and :class:`mine_lightning.MINE` freezes it. A
network that scores every x with every z at little cost offers ``matrix(x, z) -> [n of x, n of z]`` beside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ConvStatistics", "GaussianNoise", "MLPStatistics"]


class GaussianNoise(nn.Module):
    """Add zero-mean Gaussian noise in training mode; the identity in evaluation mode.

    Args:
        std: standard deviation of the noise, in units of its input.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.std * torch.randn_like(inputs) if self.training and self.std > 0 else inputs

    def extra_repr(self) -> str:
        return f"std={self.std}"


class MLPStatistics(nn.Module):
    """A multi-layer perceptron with ELU over the concatenated, flattened x and z.

    Source: Belghazi et al., ICML 2018, appendix; noise of 0.3 on the input and 0.5 between the layers is what the paper
    uses for the information bottleneck.

    Args:
        x_shape: shape of one x.
        z_shape: shape of one z.
        hidden: width of each hidden layer.
        input_noise: standard deviation of Gaussian noise on the concatenated input, in training mode.
        hidden_noise: the same on each hidden layer's output.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        z_shape: Sequence[int],
        hidden: Sequence[int] = (256, 256),
        input_noise: float = 0.0,
        hidden_noise: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [math.prod(x_shape) + math.prod(z_shape), *hidden]
        layers: list[nn.Module] = [GaussianNoise(input_noise)]
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ELU(), GaussianNoise(hidden_noise)]
        self.body = nn.Sequential(*layers)
        self.output = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.output(self.body(torch.cat([x.reshape(len(x), -1), z.reshape(len(z), -1)], dim=1))).squeeze(1)


class ConvStatistics(nn.Module):
    """A convolutional network over images x into which the code z enters as a dynamic bias of every layer.

    Each layer adds a linear map of z, one number a feature map, before its ELU. No batch normalisation: T's score of a
    pair must not depend on the other pairs.

    Source: Belghazi et al., ICML 2018, appendix on stacked MNIST (16, 32, 64 channels, 5x5 kernels, stride 2).

    Args:
        x_shape: shape of one image, (channels, height, width).
        z_shape: shape of one code; it is flattened.
        channels: feature maps of each layer; every layer halves the image's side.
        hidden: units of the fully connected layer before the score.
        kernel: odd side of each kernel, in pixels.
        input_noise: standard deviation of Gaussian noise on the pixels of x, in training mode. With it T sees what
            differs visibly: without, a generator can satisfy T by differences far below what an eye can see.

    Raises:
        ValueError: if x is no image.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        z_shape: Sequence[int],
        channels: Sequence[int] = (16, 32, 64),
        hidden: int = 256,
        kernel: int = 5,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__()
        if len(x_shape) != 3:
            raise ValueError(
                f"Expected x to be images (channels, height, width) but got shape {tuple(x_shape)}; "
                "for vectors use MLPStatistics, or swap x and z."
            )
        code, side = math.prod(z_shape), tuple(x_shape[1:])
        widths = [x_shape[0], *channels]
        self.noise = GaussianNoise(input_noise)
        self.layers = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2)
            for inputs, outputs in itertools.pairwise(widths)
        )
        for _ in channels:
            side = tuple((pixels + 1) // 2 for pixels in side)
        self.dense = nn.Linear(widths[-1] * math.prod(side), hidden)
        self.biases = nn.ModuleList(nn.Linear(code, width) for width in [*channels, hidden])
        self.output = nn.Linear(hidden, 1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        x, z = self.noise(x), z.reshape(len(z), -1)  # a z of one number a sample has no axis to flatten
        *image_biases, dense_bias = (bias(z) for bias in self.biases)
        for layer, bias in zip(self.layers, image_biases, strict=True):
            x = F.elu(layer(x) + bias[:, :, None, None])
        return self.output(F.elu(self.dense(x.flatten(1)) + dense_bias)).squeeze(1)
