"""Discriminators: images or vectors in, one logit each out (positive means real).

Contract. A discriminator is made from the channels (or the length) of its input first, so that a host may pack several
samples into one. Its last layer is called ``output`` and maps what ``features(samples)`` returns, ``[n, d]``, to the
logit: a discriminator of pairs starts from the features.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from mine_lightning.networks.statistics import GaussianNoise
from mine_lightning.networks.waves import Waves
from mine_lightning.networks.weights import dcgan_weights

__all__ = [
    "ConvDiscriminator",
    "DenseDiscriminator",
    "FaceDiscriminator",
    "LargeDiscriminator",
    "MLPDiscriminator",
    "SmallDiscriminator",
]


class ConvDiscriminator(nn.Module):
    """A DCGAN discriminator for 28x28 images: three convolutions of stride 2, then a dense layer.

    LeakyReLU of slope 0.2 everywhere, batch normalisation on all but the first layer, weights from N(0, 0.02).

    Source: Radford et al., ICLR 2016; sizes as in Lin et al., PacGAN, NeurIPS 2018, which have one more layer
    (:class:`LargeDiscriminator`).

    Args:
        channels: channels of the image.
        width: feature maps of the first layer; each later one has twice as many.
        kernel: odd side of each kernel, in pixels.
    """

    def __init__(self, channels: int = 3, width: int = 32, kernel: int = 5) -> None:
        super().__init__()
        self.body = _halvings([channels, width, 2 * width, 4 * width], kernel, slope=0.2, first_normalised=False)
        self.output = nn.Linear(4 * width * 4 * 4, 1)
        self.apply(dcgan_weights)

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is read from, ``[n, 64 * width]``."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n]`` of images ``[n, channels, 28, 28]``."""
        return self.output(self.features(images)).squeeze(1)


class DenseDiscriminator(nn.Module):
    """A discriminator of images by dense layers alone, LeakyReLU of slope 0.2, with Gaussian noise before each.

    Source: the MNIST discriminator of Salimans et al., NeurIPS 2016 (layers of 1000, 500, 250, 250 and 250, noise of
    0.3 on the pixels and 0.5 between), as in :class:`mine_lightning.networks.DenseGenerator`; here without weight
    normalisation and with LeakyReLU, theirs has ReLU.

    Args:
        channels: channels of the image.
        side: of the image, in pixels.
        hidden: width of each hidden layer.
        input_noise: standard deviation of the noise on the pixels, in training mode.
        hidden_noise: the same on each hidden layer's output.
    """

    def __init__(
        self,
        channels: int = 1,
        side: int = 28,
        hidden: Sequence[int] = (1000, 500, 250, 250, 250),
        input_noise: float = 0.3,
        hidden_noise: float = 0.5,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten(), GaussianNoise(input_noise)]
        for before, after in itertools.pairwise([channels * side * side, *hidden]):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2), GaussianNoise(hidden_noise)]
        self.body = nn.Sequential(*layers)
        self.output = nn.Linear(hidden[-1], 1)

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is read from, ``[n, hidden[-1]]``."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n]`` of images ``[n, channels, side, side]``."""
        return self.output(self.features(images)).squeeze(1)


class SmallDiscriminator(nn.Module):
    """The discriminator of Unrolled GAN's stacked-MNIST experiment: three 3x3 convolutions of stride 2.

    With ``width`` 2 it has a quarter of the feature maps that the table's name sets against the generator's, with 4 a
    half. LeakyReLU of slope 0.3, batch normalisation on every layer but, if asked, the first.

    Source: Metz et al., ICLR 2017, appendix; as in Lin et al., PacGAN, NeurIPS 2018, table 3.

    Args:
        channels: channels of the image.
        width: feature maps of the first layer; each later one has twice as many.
        first_normalised: whether the first layer is, as published. Real and generated batches are normalised each by
            themselves, so that it hides the pixels' mean and contrast from D. DCGAN's rule is to leave that layer out.
    """

    def __init__(self, channels: int = 3, width: int = 2, first_normalised: bool = True) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width]
        self.body = _halvings(widths, kernel=3, slope=0.3, first_normalised=first_normalised)
        self.output = nn.Linear(4 * width * 4 * 4, 1)
        self.apply(dcgan_weights)

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is read from, ``[n, 64 * width]``."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n]`` of images ``[n, channels, 28, 28]``."""
        return self.output(self.features(images)).squeeze(1)


class LargeDiscriminator(nn.Module):
    """The DCGAN discriminator of PacGAN's and VEEGAN's stacked-MNIST experiment: four 5x5 convolutions of stride 2.

    Source: Lin et al., PacGAN, NeurIPS 2018, appendix (64, 128, 256 and 512 feature maps).

    Args:
        channels: channels of the image.
        width: feature maps of the first layer; each later one has twice as many.
    """

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width, 8 * width]
        self.body = _halvings(widths, kernel=5, slope=0.2, first_normalised=False)
        self.output = nn.Linear(8 * width * 2 * 2, 1)
        self.apply(dcgan_weights)

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is read from, ``[n, 32 * width]``."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n]`` of images ``[n, channels, 28, 28]``."""
        return self.output(self.features(images)).squeeze(1)


class FaceDiscriminator(nn.Module):
    """A DCGAN discriminator for 64x64 images: four convolutions of stride 2, then a dense layer.

    LeakyReLU of slope 0.2 everywhere, batch normalisation on all but the first layer, weights from N(0, 0.02).

    Source: Radford et al., ICLR 2016; the sizes of Belghazi et al., ICML 2018, appendix on CelebA, are ``width`` 64.

    Args:
        channels: channels of the image.
        width: feature maps of the first layer; each later one has twice as many.
        kernel: odd side of each kernel, in pixels.
    """

    def __init__(self, channels: int = 3, width: int = 64, kernel: int = 5) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width, 8 * width]
        self.body = _halvings(widths, kernel, slope=0.2, first_normalised=False)
        self.output = nn.Linear(8 * width * 4 * 4, 1)
        self.apply(dcgan_weights)

    def features(self, images: Tensor) -> Tensor:
        """Return what the logit is read from, ``[n, 128 * width]``."""
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n]`` of images ``[n, channels, 64, 64]``."""
        return self.output(self.features(images)).squeeze(1)


class MLPDiscriminator(nn.Module):
    """A multi-layer perceptron over vectors, with LeakyReLU of slope 0.2.

    Source: Belghazi et al., ICML 2018, appendix on the toy data (three layers of 400, no waves).

    Args:
        inputs: length of a vector.
        hidden: width of each hidden layer.
        waves: sines and cosines of the vector that the first layer reads beside it, see :class:`Waves`.
        frequency: standard deviation of their frequencies, in radians per unit of the vector.
    """

    def __init__(
        self, inputs: int = 2, hidden: Sequence[int] = (400, 400, 400), waves: int = 0, frequency: float = 0.2
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Waves(inputs, waves, frequency)] if waves else []
        for before, after in itertools.pairwise([inputs + 2 * waves, *hidden]):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.output = nn.Linear([inputs + 2 * waves, *hidden][-1], 1)

    def features(self, samples: Tensor) -> Tensor:
        """Return what the logit is read from, ``[n, hidden[-1]]``."""
        return self.body(samples)

    def forward(self, samples: Tensor) -> Tensor:
        """Return logits ``[n]`` of vectors ``[n, inputs]``."""
        return self.output(self.features(samples)).squeeze(1)


def _halvings(widths: Sequence[int], kernel: int, slope: float, first_normalised: bool) -> nn.Sequential:
    """Return convolutions that halve the image's side, batch-normalised and rectified, and their output flattened."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        first = not layers
        layers.append(nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2))
        layers += [nn.BatchNorm2d(after)] if first_normalised or not first else []
        layers.append(nn.LeakyReLU(slope))
    return nn.Sequential(*layers, nn.Flatten())
