"""Statistics networks T(x, z): the critics whose scores the bounds read.

Contract. ``T(x, z)`` takes x ``[n, *x_shape]`` and z ``[n, *z_shape]`` and returns scores ``[n]``. A class here is
made from the two shapes (without the batch axis), so that a config need not repeat them. Its last layer, where it has
one, is called ``output``: where that is one number wide, its bias has no gradient under a shift-invariant bound and
:class:`mine_lightning.MINE` freezes it. A network that scores every x with every z at little cost offers
``matrix(x, z) -> [n of x, n of z]`` beside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mine_lightning.errors import InputError

__all__ = ["BlurredStatistics", "ConvStatistics", "GaussianNoise", "LabelStatistics", "MLPStatistics"]


class GaussianNoise(nn.Module):
    """Add zero-mean Gaussian noise in training mode; the identity in evaluation mode unless ``always``.

    Args:
        std: standard deviation of the noise, in units of its input.
        always: add it in evaluation mode too.

    Raises:
        InputError: if ``std`` is below 0.
    """

    def __init__(self, std: float, always: bool = False) -> None:
        super().__init__()
        if not std >= 0:
            raise InputError(f"Expected a standard deviation of noise >= 0 but got {std}; correct it.")
        self.std = std
        self.always = always

    def forward(self, inputs: Tensor) -> Tensor:
        acts = self.std > 0 and (self.training or self.always)
        return inputs + self.std * torch.randn_like(inputs) if acts else inputs

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
        self.body = _elu_layers(widths, input_noise, hidden_noise)
        self.output = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.output(self.body(torch.cat([x.reshape(len(x), -1), z.reshape(len(z), -1)], dim=1))).squeeze(1)


class BlurredStatistics(nn.Module):
    r"""A perceptron over z and a blurred x: T sees x through Gaussian noise, z as it is.

    Where x is a function of z, as a generated sample is of its latent vector, :math:`I(x; z)` is infinite and T reads
    differences of any size. What is estimated here, :math:`I(x + \sigma\varepsilon; z)`, is finite: up to a constant
    the entropy of what is generated, as seen at the scale of the noise.

    Args:
        x_shape: shape of one x.
        z_shape: shape of one z.
        x_noise: standard deviation of the noise, in the unit of x. It is part of what is estimated and stays in
            evaluation mode, so that training and held-out values can be compared.
        hidden: width of each hidden layer.
    """

    def __init__(
        self, x_shape: Sequence[int], z_shape: Sequence[int], x_noise: float, hidden: Sequence[int] = (256, 256)
    ) -> None:
        super().__init__()
        self.blur = GaussianNoise(x_noise, always=True)
        self.body = _elu_layers([math.prod(x_shape) + math.prod(z_shape), *hidden], 0.0, 0.0)
        self.output = nn.Linear([math.prod(x_shape) + math.prod(z_shape), *hidden][-1], 1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        blurred = self.blur(x).reshape(len(x), -1)
        return self.output(self.body(torch.cat([blurred, z.reshape(len(z), -1)], dim=1))).squeeze(1)


def _elu_layers(widths: Sequence[int], input_noise: float, hidden_noise: float) -> nn.Sequential:
    layers: list[nn.Module] = [GaussianNoise(input_noise)]
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ELU(), GaussianNoise(hidden_noise)]
    return nn.Sequential(*layers)


class LabelStatistics(nn.Module):
    r"""A perceptron over x with one score for each class, of which the label z picks one: :math:`T(x, z) = f(x)_z`.

    The best T is :math:`\log p(z|x) / p(z)` up to a constant, which f reaches without reading an order into the labels
    as a network does that takes them for numbers.

    Args:
        x_shape: shape of one x, any; it is flattened.
        z_shape: shape of one label, ().
        classes: number of classes; labels are whole numbers in [0, classes), as integers or floats.
        hidden: width of each hidden layer.
        input_noise: standard deviation of Gaussian noise on x, in training mode.
        hidden_noise: the same on each hidden layer's output.

    Raises:
        InputError: if a label has axes of its own, there are fewer than 2 classes, or a label is none of them.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        z_shape: Sequence[int],
        classes: int,
        hidden: Sequence[int] = (256, 256),
        input_noise: float = 0.0,
        hidden_noise: float = 0.0,
    ) -> None:
        super().__init__()
        if len(z_shape) > 0 or classes < 2:
            raise InputError(
                f"Expected one label a sample, of 2 classes or more, but got labels of shape {tuple(z_shape)} and "
                f"{classes} classes; capture the labels themselves, or use MLPStatistics for what is no label."
            )
        widths = [math.prod(x_shape), *hidden]
        self.classes = classes
        self.body = _elu_layers(widths, input_noise, hidden_noise)
        self.output = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        labels = z.long()
        wrong = (labels != z) | (labels < 0) | (labels >= self.classes)
        if wrong.any():  # on a GPU an index out of range would end the process without a word on why
            raise InputError(
                f"Expected labels that are whole numbers from 0 to {self.classes - 1} but got {z[wrong][0].item():g}; "
                "set classes to their number, or count them from 0."
            )
        return self.output(self.body(x.reshape(len(x), -1))).gather(1, labels[:, None]).squeeze(1)


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
        input_noise: standard deviation of Gaussian noise on the pixels of x. With it T sees what differs visibly:
            without, a generator can satisfy T by differences far below what an eye can see. It is part of what is
            estimated, I(x + noise; z), which is at most I(x; z), and stays in evaluation mode, so that training and
            held-out values can be compared.

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
        self.noise = GaussianNoise(input_noise, always=True)
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
