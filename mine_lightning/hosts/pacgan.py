"""PacGAN: the discriminator judges m samples at once, so that it sees a lack of variety."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import ZeroCentredPenalty, generator_loss, sample_loss
from mine_lightning.hosts.alternation import alternate, check_latents, samples, step_schedules, turns
from mine_lightning.types import ModuleFactory, OptimizerFactory, ScheduleFactory

__all__ = ["PacGAN", "pack"]


def pack(samples: Tensor, m: int) -> Tensor:
    """Return packs ``[n / m, m * c, ...]`` of samples ``[n, c, ...]``, m that follow each other on one channel axis.

    Raises:
        InputError: if n is no multiple of m.
    """
    if len(samples) % m:
        raise InputError(
            f"Expected batches of a multiple of {m} samples, which make whole packs, but got {len(samples)}; "
            "change the batch size or the packing."
        )
    return samples.reshape(len(samples) // m, m * samples.shape[1], *samples.shape[2:])


class PacGAN(LightningModule):
    """:class:`mine_lightning.DCGAN` whose discriminator takes packs of m images; with m = 1 it is that GAN bitwise.

    A batch of n images makes n / m packs, so that a system sees as many images a step as the others; the paper has as
    many packs as the others have images, which is m times the batch size. Batches, logs and what the evaluation steps
    return are DCGAN's.

    Source: Lin et al., PacGAN: The power of two samples in generative adversarial networks, NeurIPS 2018.

    Args:
        generator: latent vectors ``[n, d]`` to images ``[n, c, h, w]`` in [-1, 1].
        discriminator: callable from a number of channels, ``packing * channels``, to a module from packs to logits.
        latents: called as ``latents(n, device, generator)``, returns latent vectors ``[n, d]``.
        packing: m, images of a pack.
        channels: c, channels of one image.
        optimizer_g: callable from the generator's parameters to its optimizer.
        optimizer_d: likewise for the discriminator.
        penalty: a zero-centred gradient penalty on the discriminator, per pack, or None.
        schedule: callable from an optimizer to its learning-rate schedule, for both, stepped after each epoch; or None.

    Raises:
        InputError: if ``packing`` or ``channels`` is below 1.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: ModuleFactory,
        latents: nn.Module,
        packing: int = 2,
        channels: int = 3,
        optimizer_g: OptimizerFactory = torch.optim.Adam,
        optimizer_d: OptimizerFactory = torch.optim.Adam,
        penalty: ZeroCentredPenalty | None = None,
        schedule: ScheduleFactory | None = None,
    ) -> None:
        super().__init__()
        if packing < 1 or channels < 1:
            raise InputError(f"Expected packing and channels of at least 1 but got {packing} and {channels}.")
        self.automatic_optimization = False
        check_latents(latents, generator)
        self.generator = generator
        self.discriminator = discriminator(packing * channels)
        self.latents = latents
        self.packing = packing
        self.optimizer_g = optimizer_g
        self.optimizer_d = optimizer_d
        self.penalty = penalty
        self.schedule = schedule

    def forward(self, latents: Tensor) -> Tensor:
        """Return generated images of latent vectors."""
        return self.generator(latents)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        real = pack(batch, self.packing)
        fake = pack(self.generator(self.latents(len(batch), self.device)), self.packing)
        loss_d = sample_loss(self.discriminator, real, fake, self.penalty, batch_idx)
        alternate(self, loss_d, lambda: generator_loss(self.discriminator(fake)))

    def validation_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=0)

    def test_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=1)

    def on_train_epoch_end(self) -> None:
        step_schedules(self)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        return turns(self, self.generator)
