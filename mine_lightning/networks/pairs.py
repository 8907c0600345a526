"""Discriminators of pairs (x, z), made from a discriminator of x."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["PairDiscriminator", "PairLogit"]


class PairLogit(nn.Module):
    """What a pair adds to the logit of its x: two dense layers over x's features and an embedding of z.

    Source: the joint part of ALI's discriminator (Dumoulin et al., ICLR 2017, appendix), smaller.

    Args:
        features: length of x's features.
        latent: length of z.
        hidden: width of the embedding of z and of the joint layer.
    """

    def __init__(self, features: int, latent: int, hidden: int = 256) -> None:
        super().__init__()
        self.embedding = nn.Sequential(nn.Linear(latent, hidden), nn.LeakyReLU(0.2))
        self.body = nn.Sequential(nn.Linear(features + hidden, hidden), nn.LeakyReLU(0.2))
        self.output = nn.Linear(hidden, 1)

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """Return logits ``[n]`` of features ``[n, features]`` and z ``[n, latent]``."""
        return self.output(self.body(torch.cat([features, self.embedding(z)], dim=1))).squeeze(1)


class PairDiscriminator(nn.Module):
    """The logit of a pair: that of x alone, plus what the pair adds to it, from one pass over x.

    Any discriminator of x becomes one of pairs by it, so that two systems that differ in it share all their sizes.

    Args:
        images: a discriminator of x with ``features`` and a linear ``output`` (see
            :mod:`mine_lightning.networks.discriminators`).
        latent: length of z.
        joint: callable from the lengths of the features and of z to the module that adds.
    """

    def __init__(self, images: nn.Module, latent: int, joint: Callable[[int, int], nn.Module] = PairLogit) -> None:
        super().__init__()
        self.images = images
        self.joint = joint(images.output.in_features, latent)  # type: ignore[union-attr, arg-type]

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Return logits ``[n]`` of images ``[n, c, h, w]`` and latent vectors ``[n, latent]``."""
        features = self.images.features(x)  # type: ignore[operator]
        return self.images.output(features).squeeze(1) + self.joint(features, z)  # type: ignore[operator]
