"""ALICE(Adv.): ALI, and a second discriminator that tells (x, x) from (x, x's reconstruction)."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import (
    ZeroCentredPenalty,
    generator_loss,
    pair_generator_loss,
    pair_loss,
    sample_loss,
)
from mine_lightning.hosts.alternation import alternate, step_schedules, turns
from mine_lightning.hosts.inference import inferred
from mine_lightning.networks.encoders import GaussianEncoder
from mine_lightning.networks.pairs import PairDiscriminator, PairLogit
from mine_lightning.types import JointFactory, ModuleFactory, OptimizerFactory, ScheduleFactory

__all__ = ["ALICEAdv"]


class ALICEAdv(LightningModule):
    r""":class:`mine_lightning.ALI` with an adversarial cycle loss: a second discriminator eta of pairs of images.

    With the logit eta positive where it takes the second image for the first itself, it descends, in the
    discriminator's turn,

    .. math:: E_x\,\mathrm{softplus}(-\eta(x, x)) + E_x\,\mathrm{softplus}(\eta(x, \hat x)),
              \quad \hat x = G(E(x)),

    and encoder and decoder descend, beside ALI's loss, :math:`\lambda\, E_x\,\mathrm{softplus}(-\eta(x, \hat x))`. The
    two images are stacked on the channel axis. E(x) is the draw that the first discriminator judges. Batches, logs and
    what the evaluation steps return are ALI's; ``train/loss_d`` is the sum over both discriminators.

    Source: Li et al., ALICE: Towards Understanding Adversarial Learning for Joint Distribution Matching, NeurIPS 2017,
    section 3.2, with the cycle of x alone.

    Args:
        generator: the decoder, latent vectors ``[n, d]`` to images in [-1, 1].
        discriminator: a discriminator of images with ``features`` and ``output``, which ``joint`` makes one of pairs.
        reconstruction_discriminator: callable from a number of channels, ``2 * channels``, to eta.
        latents: called as ``latents(n, device, generator)``, returns latent vectors ``[n, d]``; has ``size`` d.
        channels: channels of one image.
        encoder: callable from d to a module E from images to latent vectors, one draw for each image.
        joint: callable from the lengths of features and of z to what the pair adds to the image's logit.
        reconstruction: lambda.
        optimizer_g: callable from the parameters of decoder and encoder to their optimizer.
        optimizer_d: likewise for both discriminators.
        penalty: a zero-centred gradient penalty on both discriminators, in x at the pair's z and in both images of
            (x, x), or None.
        schedule: callable from an optimizer to its learning-rate schedule, for both, stepped after each epoch; or None.

    Raises:
        InputError: if ``reconstruction`` is negative or ``channels`` below 1.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        reconstruction_discriminator: ModuleFactory,
        latents: nn.Module,
        channels: int = 3,
        encoder: ModuleFactory = GaussianEncoder,
        joint: JointFactory = PairLogit,
        reconstruction: float = 1.0,
        optimizer_g: OptimizerFactory = torch.optim.Adam,
        optimizer_d: OptimizerFactory = torch.optim.Adam,
        penalty: ZeroCentredPenalty | None = None,
        schedule: ScheduleFactory | None = None,
    ) -> None:
        super().__init__()
        if reconstruction < 0 or channels < 1:
            raise InputError(
                f"Expected reconstruction >= 0, which weighs a loss, and channels >= 1 but got {reconstruction} and "
                f"{channels}; correct them."
            )
        self.automatic_optimization = False
        size: int = latents.size  # type: ignore[assignment]
        self.generator = generator
        self.encoder = encoder(size)
        self.discriminator = PairDiscriminator(discriminator, size, joint)
        self.reconstruction_discriminator = reconstruction_discriminator(2 * channels)
        self.latents = latents
        self.reconstruction = reconstruction
        self.optimizer_g = optimizer_g
        self.optimizer_d = optimizer_d
        self.penalty = penalty
        self.schedule = schedule

    def forward(self, latents: Tensor) -> Tensor:
        """Return decoded images of latent vectors."""
        return self.generator(latents)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        z = self.latents(len(batch), self.device)
        code = self.encoder(batch)
        again, fake = self.generator(code), self.generator(z)  # in this order: a capture of the newest call finds z
        loss_d = pair_loss(self.discriminator, batch, code, fake, z, self.penalty, batch_idx)
        alternate(
            self,
            loss_d + self._loss_eta(batch, again, batch_idx),
            lambda: (
                pair_generator_loss(self.discriminator, batch, code, fake, z)
                + self.reconstruction * generator_loss(self._eta(batch, again))
            ),
        )

    def validation_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return inferred(self, batch, batch_idx, stream=0)

    def test_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return inferred(self, batch, batch_idx, stream=1)

    def on_train_epoch_end(self) -> None:
        step_schedules(self)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        return turns(self, self.generator, self.encoder, beside=[self.reconstruction_discriminator])

    def _eta(self, x: Tensor, other: Tensor) -> Tensor:
        return self.reconstruction_discriminator(torch.cat([x, other], dim=1))

    def _loss_eta(self, x: Tensor, again: Tensor, batch_idx: int) -> Tensor:
        """Return what eta descends: its loss, and its penalty where this batch is its turn."""
        return sample_loss(
            self.reconstruction_discriminator,
            torch.cat([x, x], dim=1),
            torch.cat([x, again], dim=1),
            self.penalty,
            batch_idx,
        )
