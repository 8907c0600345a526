"""Encoders: images in, latent vectors out. An encoder is made from the length of its output first."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mine_lightning.errors import InputError
from mine_lightning.networks.weights import dcgan_weights

__all__ = ["ConvEncoder", "DenseEncoder", "FaceEncoder", "GaussianEncoder"]


class ConvEncoder(nn.Module):
    """A deterministic encoder of 28x28 images: three convolutions of stride 2, then a dense layer.

    Batch normalisation and LeakyReLU of slope 0.2 on every layer but the last; weights start from N(0, 0.02). As a
    generator's mirror image it has the sizes of :class:`mine_lightning.networks.ConvGenerator`.

    Args:
        outputs: length of the output.
        channels: channels of the image.
        width: feature maps of the first layer; each later one has twice as many.
        kernel: odd side of each kernel, in pixels.
    """

    def __init__(self, outputs: int, channels: int = 3, width: int = 32, kernel: int = 5) -> None:
        super().__init__()
        self.body = _halvings([channels, width, 2 * width, 4 * width], kernel)
        self.output = nn.Linear(4 * width * 4 * 4, outputs)
        self.apply(dcgan_weights)

    def forward(self, images: Tensor) -> Tensor:
        """Return vectors ``[n, outputs]`` of images ``[n, channels, 28, 28]``."""
        return self.output(self.body(images))


class DenseEncoder(nn.Module):
    """A deterministic encoder of images by dense layers alone, with batch normalisation and LeakyReLU of slope 0.2.

    The mirror image of :class:`mine_lightning.networks.DenseGenerator`.

    Args:
        outputs: length of the output.
        channels: channels of the image.
        side: of the image, in pixels.
        hidden: width of each hidden layer.
    """

    def __init__(self, outputs: int, channels: int = 1, side: int = 28, hidden: Sequence[int] = (500, 500)) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in itertools.pairwise([channels * side * side, *hidden]):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.output = nn.Linear(hidden[-1], outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Return vectors ``[n, outputs]`` of images ``[n, channels, side, side]``."""
        return self.output(self.body(images))


class FaceEncoder(nn.Module):
    """A deterministic encoder of 64x64 images, the mirror image of :class:`mine_lightning.networks.FaceGenerator`.

    Four convolutions of stride 2, batch normalisation and LeakyReLU of slope 0.2 on each, then a dense layer.

    Args:
        outputs: length of the output.
        channels: channels of the image.
        width: feature maps of the first layer; each later one has twice as many.
        kernel: odd side of each kernel, in pixels.
    """

    def __init__(self, outputs: int, channels: int = 3, width: int = 64, kernel: int = 5) -> None:
        super().__init__()
        self.body = _halvings([channels, width, 2 * width, 4 * width, 8 * width], kernel)
        self.output = nn.Linear(8 * width * 4 * 4, outputs)
        self.apply(dcgan_weights)

    def forward(self, images: Tensor) -> Tensor:
        """Return vectors ``[n, outputs]`` of images ``[n, channels, 64, 64]``."""
        return self.output(self.body(images))


class GaussianEncoder(nn.Module):
    r"""A stochastic encoder :math:`z = \mu(x) + \sigma(x) \odot \epsilon,\ \epsilon \sim N(0, I)`, reparameterised.

    Source: Kingma & Welling, Auto-Encoding Variational Bayes, 2014; as in Dumoulin et al., ALI, ICLR 2017, section 2.

    The body's second half is :math:`\log \sigma`, which may run away: on faces :math:`\sigma` of a few images reached
    :math:`e^{21}`, and Adam remembers the gradient of such a batch for thousands of steps. With ``largest_std`` it is
    the logit of :math:`\sigma` in units of that. Where the codes as a whole are to be N(0, I), 1 is the most that a
    code given its image can have on average.

    Args:
        latent: length of z.
        body: callable from a number of outputs, ``2 * latent``, to a deterministic encoder.
        largest_std: what :math:`\sigma` stays below; None for no limit.

    Raises:
        InputError: if ``largest_std`` is 0 or less.
    """

    def __init__(
        self, latent: int, body: Callable[[int], nn.Module] = ConvEncoder, largest_std: float | None = None
    ) -> None:
        super().__init__()
        if largest_std is not None and not largest_std > 0:
            raise InputError(f"Expected largest_std above 0 but got {largest_std}; correct it, or leave it out.")
        self.body = body(2 * latent)
        self.largest_std = largest_std

    def moments(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the logarithm of the standard deviation of z given x, each ``[n, latent]``."""
        mean, log_std = self.body(images).chunk(2, dim=1)
        if self.largest_std is not None:
            log_std = F.logsigmoid(log_std) + math.log(self.largest_std)
        return mean, log_std

    def forward(self, images: Tensor) -> Tensor:
        """Return one draw of z for each image, ``[n, latent]``."""
        mean, log_std = self.moments(images)
        return mean + log_std.exp() * torch.randn_like(mean)


def _halvings(widths: Sequence[int], kernel: int) -> nn.Sequential:
    """Return convolutions that halve the image's side, batch-normalised and rectified, and their output flattened."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2), nn.BatchNorm2d(after)]
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten())
