"""Losses that the GAN hosts are composed of. Logits are ``[n]``; positive means real."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "ZeroCentredPenalty",
    "discriminator_loss",
    "generator_loss",
    "pair_generator_loss",
    "pair_loss",
    "sample_loss",
]


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return -E log D(x) - E log(1 - D(G(z))), from logits (Goodfellow et al., 2014)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Return the non-saturating -E log D(G(z)), from logits (Goodfellow et al., 2014)."""
    return F.softplus(-fake).mean()


class ZeroCentredPenalty:
    r"""The zero-centred gradient penalty on real samples, :math:`\gamma/2\, E\|\nabla_x D(x)\|^2`, also known as R1.

    The slope is that of the batch's summed logits, as is usual: with batch normalisation a sample moves the logits of
    the others too, which takes a part of its own away.

    Source: Mescheder et al., Which Training Methods for GANs do actually Converge?, ICML 2018, equation 9. Applied
    every few batches with as many times the weight: Karras et al., StyleGAN2, 2020.

    Args:
        gamma: weight.
        every: batches between two applications.

    Raises:
        ValueError: if ``gamma`` is negative or ``every`` below 1.
    """

    def __init__(self, gamma: float = 1.0, every: int = 1) -> None:
        if gamma < 0 or every < 1:
            raise ValueError(f"Expected gamma >= 0 and every >= 1 but got {gamma} and {every}.")
        self.gamma = gamma
        self.every = every

    def due(self, batch_idx: int) -> bool:
        """Return whether the penalty applies to this batch of the epoch."""
        return batch_idx % self.every == 0

    def __call__(self, discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
        """Return the penalty, a scalar, times ``every``."""
        real = real.detach().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
        return self.gamma / 2 * self.every * slope.float().square().flatten(1).sum(dim=1).mean()


def sample_loss(
    discriminator: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    penalty: ZeroCentredPenalty | None,
    batch_idx: int,
) -> Tensor:
    """Return what a discriminator of samples descends: its loss, and its penalty where this batch is its turn.

    Args:
        discriminator: samples to logits.
        real: real samples ``[n, ...]``.
        fake: generated samples ``[n, ...]``; no gradient goes back to them.
        penalty: on the real samples, or None.
        batch_idx: of the epoch.
    """
    loss = discriminator_loss(discriminator(real), discriminator(fake.detach()))
    return loss if penalty is None or not penalty.due(batch_idx) else loss + penalty(discriminator, real)


def pair_loss(
    discriminator: Callable[[Tensor, Tensor], Tensor],
    real: Tensor,
    code: Tensor,
    fake: Tensor,
    z: Tensor,
    penalty: ZeroCentredPenalty | None,
    batch_idx: int,
) -> Tensor:
    """Return what a discriminator of pairs descends: (real, code) against (fake, z), and its penalty.

    Args:
        discriminator: samples and latent vectors to logits.
        real: real samples ``[n, ...]``.
        code: their latent vectors ``[n, d]``; no gradient goes back to them.
        fake: generated samples ``[n, ...]``; likewise.
        z: the latent vectors that they were generated from.
        penalty: in the real samples, at their latent vectors, or None.
        batch_idx: of the epoch.
    """
    fixed = code.detach()
    loss = discriminator_loss(discriminator(real, fixed), discriminator(fake.detach(), z))
    if penalty is None or not penalty.due(batch_idx):
        return loss
    return loss + penalty(lambda x: discriminator(x, fixed), real)


def pair_generator_loss(
    discriminator: Callable[[Tensor, Tensor], Tensor], real: Tensor, code: Tensor, fake: Tensor, z: Tensor
) -> Tensor:
    """Return what encoder and decoder descend together: each wants its pairs taken for the other's.

    Args:
        discriminator: samples and latent vectors to logits.
        real: real samples ``[n, ...]``.
        code: what the encoder made of them, ``[n, d]``.
        fake: generated samples ``[n, ...]``.
        z: the latent vectors that they were generated from.
    """
    return discriminator_loss(discriminator(fake, z), discriminator(real, code))
