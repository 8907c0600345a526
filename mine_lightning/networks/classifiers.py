"""Classifiers: images in, logits out."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["AttributeClassifier", "DigitClassifier"]


class DigitClassifier(nn.Module):
    """A small convolutional classifier of 28x28 grey digits, made to label 78,000 of them in two seconds of CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(1, 16),
            *_block(16, 32),
            *_block(32, 64),
            nn.Flatten(),
            nn.Linear(64 * 4 * 4, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n, 10]`` of images ``[n, 1, 28, 28]`` with pixels in [-1, 1]."""
        return self.body(images)


class AttributeClassifier(nn.Module):
    """A small convolutional classifier of 64x64 faces, with one logit for each of several binary attributes.

    Args:
        attributes: number of attributes.
        width: feature maps of the first layer; each later one has twice as many.
    """

    def __init__(self, attributes: int = 40, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_block(3, width),
            *_block(width, 2 * width),
            *_block(2 * width, 4 * width),
            *_block(4 * width, 8 * width),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(8 * width * 4 * 4, attributes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[n, attributes]`` of images ``[n, 3, 64, 64]`` with pixels in [-1, 1]."""
        return self.body(images)


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    """Halve the image's side."""
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
