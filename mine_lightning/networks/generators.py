"""Generators: latent vectors in, images with pixels in [-1, 1] or vectors out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from mine_lightning.networks.weights import dcgan_weights

__all__ = ["ConvGenerator", "DenseGenerator", "FaceGenerator", "LargeGenerator", "MLPGenerator", "SmallGenerator"]


class ConvGenerator(nn.Module):
    """A DCGAN generator for 28x28 images: a dense layer to 4x4, then transposed convolutions to 7, 14 and 28 pixels.

    Batch normalisation and ReLU follow every layer but the last, which ends in tanh; weights start from N(0, 0.02).

    Source: Radford et al., Unsupervised Representation Learning with DCGANs, ICLR 2016; sizes as in Lin et al., PacGAN,
    NeurIPS 2018, which have one more layer and four times the channels (:class:`LargeGenerator`).

    Args:
        latent: length of the latent vector, noise and code together.
        channels: channels of the image.
        width: feature maps before the image; each earlier layer has twice as many.
        kernel: odd side of each kernel, in pixels.
    """

    def __init__(self, latent: int = 110, channels: int = 3, width: int = 32, kernel: int = 5) -> None:
        super().__init__()
        self.latent = latent
        self.dense = nn.Linear(latent, 4 * width * 4 * 4)
        self.body = nn.Sequential(
            nn.Unflatten(1, (4 * width, 4, 4)),
            *_normalised(4 * width),
            _upsample(4 * width, 2 * width, kernel, output_padding=0),  # 4 -> 7 pixels
            *_normalised(2 * width),
            _upsample(2 * width, width, kernel),
            *_normalised(width),
            _upsample(width, channels, kernel),
            nn.Tanh(),
        )
        self.apply(dcgan_weights)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images ``[n, channels, 28, 28]`` of latent vectors ``[n, latent]``."""
        return self.body(self.dense(latent))


class DenseGenerator(nn.Module):
    """A generator of images by dense layers alone, each with batch normalisation and softplus; the last ends in tanh.

    Source: the MNIST generator of Salimans et al., Improved Techniques for Training GANs, NeurIPS 2016 (two layers of
    500), which the bi-directional table of Belghazi et al. takes in its first version (ICLR 2018 submission); theirs
    ends in a weight-normalised layer and a sigmoid.

    Args:
        latent: length of the latent vector, noise and code together.
        channels: channels of the image.
        side: of the image, in pixels.
        hidden: width of each hidden layer.
    """

    def __init__(self, latent: int = 64, channels: int = 1, side: int = 28, hidden: Sequence[int] = (500, 500)) -> None:
        super().__init__()
        self.latent = latent
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise([latent, *hidden]):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.Softplus()]
        layers += [nn.Linear([latent, *hidden][-1], channels * side * side), nn.Tanh()]
        self.body = nn.Sequential(*layers, nn.Unflatten(1, (channels, side, side)))

    def forward(self, latent: Tensor) -> Tensor:
        """Return images ``[n, channels, side, side]`` of latent vectors ``[n, latent]``."""
        return self.body(latent)


class SmallGenerator(nn.Module):
    """The generator of Unrolled GAN's stacked-MNIST experiment: 3x3 kernels, 64 feature maps at 4x4 pixels.

    Source: Metz et al., ICLR 2017, appendix; as in Lin et al., PacGAN, NeurIPS 2018, table 3.

    Args:
        latent: length of the latent vector, noise and code together.
        channels: channels of the image.
        width: feature maps before the image; each earlier layer has twice as many.
    """

    def __init__(self, latent: int = 256, channels: int = 3, width: int = 8) -> None:
        super().__init__()
        self.latent = latent
        self.dense = nn.Linear(latent, 8 * width * 4 * 4)
        self.body = nn.Sequential(
            nn.Unflatten(1, (8 * width, 4, 4)),
            *_normalised(8 * width),
            _upsample(8 * width, 4 * width, kernel=3, output_padding=0),  # 4 -> 7 pixels
            *_normalised(4 * width),
            _upsample(4 * width, 2 * width, kernel=3),
            *_normalised(2 * width),
            _upsample(2 * width, width, kernel=3),
            *_normalised(width),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )
        self.apply(dcgan_weights)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images ``[n, channels, 28, 28]`` of latent vectors ``[n, latent]``."""
        return self.body(self.dense(latent))


class LargeGenerator(nn.Module):
    """The DCGAN generator of PacGAN's and VEEGAN's stacked-MNIST experiment: 5x5 kernels, from 512 maps at 2x2 pixels.

    Source: Lin et al., PacGAN, NeurIPS 2018, appendix.

    Args:
        latent: length of the latent vector, noise and code together.
        channels: channels of the image.
        width: feature maps before the image; each earlier layer has twice as many.
    """

    def __init__(self, latent: int = 100, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.latent = latent
        self.dense = nn.Linear(latent, 8 * width * 2 * 2)
        self.body = nn.Sequential(
            nn.Unflatten(1, (8 * width, 2, 2)),
            *_normalised(8 * width),
            _upsample(8 * width, 4 * width, kernel=5),
            *_normalised(4 * width),
            _upsample(4 * width, 2 * width, kernel=5, output_padding=0),  # 4 -> 7 pixels
            *_normalised(2 * width),
            _upsample(2 * width, width, kernel=5),
            *_normalised(width),
            _upsample(width, channels, kernel=5),
            nn.Tanh(),
        )
        self.apply(dcgan_weights)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images ``[n, channels, 28, 28]`` of latent vectors ``[n, latent]``."""
        return self.body(self.dense(latent))


class FaceGenerator(nn.Module):
    """A DCGAN generator for 64x64 images: a dense layer to 4x4, then transposed convolutions to 8, 16, 32, 64 pixels.

    Source: Radford et al., ICLR 2016; the sizes of Belghazi et al., ICML 2018, appendix on CelebA, are ``width`` 64:
    512, 256, 128 and 64 feature maps.

    Args:
        latent: length of the latent vector, noise and code together.
        channels: channels of the image.
        width: feature maps before the image; each earlier layer has twice as many.
        kernel: odd side of each kernel, in pixels.
    """

    def __init__(self, latent: int = 256, channels: int = 3, width: int = 64, kernel: int = 5) -> None:
        super().__init__()
        self.latent = latent
        self.dense = nn.Linear(latent, 8 * width * 4 * 4)
        self.body = nn.Sequential(
            nn.Unflatten(1, (8 * width, 4, 4)),
            *_normalised(8 * width),
            _upsample(8 * width, 4 * width, kernel),
            *_normalised(4 * width),
            _upsample(4 * width, 2 * width, kernel),
            *_normalised(2 * width),
            _upsample(2 * width, width, kernel),
            *_normalised(width),
            _upsample(width, channels, kernel),
            nn.Tanh(),
        )
        self.apply(dcgan_weights)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images ``[n, channels, 64, 64]`` of latent vectors ``[n, latent]``."""
        return self.body(self.dense(latent))


class MLPGenerator(nn.Module):
    """A multi-layer perceptron from latent vectors to vectors.

    Source: Belghazi et al., ICML 2018, appendix on the toy data (two layers of 500, batch-normalised, LeakyReLU of
    slope 0.2), after Dumoulin et al., 2017. ``staircase`` is not theirs: points close around a few modes are a function
    of z that is flat and jumps, and units of tanh are flat and jump where rectified ones are straight.

    Args:
        latent: length of the latent vector, noise and code together.
        outputs: length of a generated vector.
        hidden: width of each hidden layer.
        staircase: tanh and no batch normalisation, in place of the paper's layers.
    """

    def __init__(
        self, latent: int = 4, outputs: int = 2, hidden: Sequence[int] = (500, 500), staircase: bool = False
    ) -> None:
        super().__init__()
        self.latent = latent
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise([latent, *hidden]):
            layers.append(nn.Linear(before, after))
            layers += [nn.Tanh()] if staircase else [nn.BatchNorm1d(after), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Linear([latent, *hidden][-1], outputs))

    def forward(self, latent: Tensor) -> Tensor:
        """Return vectors ``[n, outputs]`` of latent vectors ``[n, latent]``."""
        return self.body(latent)


def _normalised(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.ReLU()]


def _upsample(inputs: int, outputs: int, kernel: int, output_padding: int = 1) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, output_padding=output_padding)
