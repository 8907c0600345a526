"""Discriminators: images in, one logit each out (positive means real)."""

from __future__ import annotations

from torch import Tensor, nn

from mine_lightning.networks.weights import dcgan_weights

__all__ = ["ConvDiscriminator"]


class ConvDiscriminator(nn.Module):
    """A DCGAN discriminator for 28x28 images: three convolutions of stride 2, then a dense layer.

    LeakyReLU of slope 0.2 everywhere, batch normalisation on all but the first layer, weights from N(0, 0.02).

    Source: Radford et al., ICLR 2016; sizes as in Lin et al., PacGAN, NeurIPS 2018, which have one more layer.

    Args:
        channels: channels of the image.
        width: feature maps of the first layer; each later one has twice as many.
        kernel: odd side of each kernel, in pixels.
    """

    def __init__(self, channels: int = 3, width: int = 32, kernel: int = 5) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, kernel, stride=2, padding=kernel // 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, kernel, stride=2, padding=kernel // 2),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, kernel, stride=2, padding=kernel // 2),
            nn.BatchNorm2d(4 * width),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.output = nn.Linear(4 * width * 4 * 4, 1)
        self.apply(dcgan_weights)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n]`` of images ``[n, channels, 28, 28]``."""
        return self.output(self.body(images)).squeeze(1)
