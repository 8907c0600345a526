"""Generators: latent vectors in, images with pixels in [-1, 1] out."""

from __future__ import annotations

from torch import Tensor, nn

from mine_lightning.networks.weights import dcgan_weights

__all__ = ["ConvGenerator"]


class ConvGenerator(nn.Module):
    """A DCGAN generator for 28x28 images: a dense layer to 4x4, then transposed convolutions to 7, 14 and 28 pixels.

    Batch normalisation and ReLU follow every layer but the last, which ends in tanh; weights start from N(0, 0.02).

    Source: Radford et al., Unsupervised Representation Learning with DCGANs, ICLR 2016; sizes as in Lin et al., PacGAN,
    NeurIPS 2018, which have one more layer and four times the channels.

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
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            _upsample(4 * width, 2 * width, kernel, output_padding=0),  # 4 -> 7 pixels
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            _upsample(2 * width, width, kernel),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _upsample(width, channels, kernel),
            nn.Tanh(),
        )
        self.apply(dcgan_weights)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images ``[n, channels, 28, 28]`` of latent vectors ``[n, latent]``."""
        return self.body(self.dense(latent))


def _upsample(inputs: int, outputs: int, kernel: int, output_padding: int = 1) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, output_padding=output_padding)
