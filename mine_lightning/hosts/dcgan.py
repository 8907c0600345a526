"""DCGAN: the plain generative adversarial network of the mode-collapse table."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.hosts.adversarial import ZeroCentredPenalty, generator_loss, sample_loss
from mine_lightning.hosts.alternation import alternate, check_latents, samples, step_schedules, turns
from mine_lightning.types import OptimizerFactory, ScheduleFactory

__all__ = ["DCGAN"]


class DCGAN(LightningModule):
    """A generative adversarial network with the non-saturating loss, trained by manual optimisation.

    Each batch: one latent draw and one generator pass, a step of the discriminator on real and detached generated
    images, then a step of the generator on the same images. Batches are images ``[n, c, h, w]`` in [-1, 1]. Logs
    ``train/loss_d`` and ``train/loss_g``; ``validation_step`` and ``test_step`` return ``{"samples": images}``, as many
    as the batch has, of latents that are the same at every evaluation.

    Source: Radford et al., Unsupervised Representation Learning with DCGANs, ICLR 2016.

    Args:
        generator: latent vectors ``[n, d]`` to images in [-1, 1].
        discriminator: images to logits ``[n]``.
        latents: called as ``latents(n, device, generator)``, returns latent vectors ``[n, d]``.
        optimizer_g: callable from the generator's parameters to its optimizer.
        optimizer_d: likewise for the discriminator.
        penalty: a zero-centred gradient penalty on the discriminator, or None.
        schedule: callable from an optimizer to its learning-rate schedule, for both, stepped after each epoch; or None.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latents: nn.Module,
        optimizer_g: OptimizerFactory = torch.optim.Adam,
        optimizer_d: OptimizerFactory = torch.optim.Adam,
        penalty: ZeroCentredPenalty | None = None,
        schedule: ScheduleFactory | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        check_latents(latents, generator)
        self.generator = generator
        self.discriminator = discriminator
        self.latents = latents
        self.optimizer_g = optimizer_g
        self.optimizer_d = optimizer_d
        self.penalty = penalty
        self.schedule = schedule

    def forward(self, latents: Tensor) -> Tensor:
        """Return generated images of latent vectors."""
        return self.generator(latents)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        fake = self.generator(self.latents(len(batch), self.device))
        loss_d = sample_loss(self.discriminator, batch, fake, self.penalty, batch_idx)
        alternate(self, loss_d, lambda: generator_loss(self.discriminator(fake)))

    def validation_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=0)

    def test_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=1)

    def on_train_epoch_end(self) -> None:
        step_schedules(self)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        return turns(self, self.generator)
