"""Unrolled GAN: the generator answers the discriminator as it will be k steps later."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import ZeroCentredPenalty, discriminator_loss, generator_loss, sample_loss
from mine_lightning.hosts.alternation import alternate, check_latents, samples, step_schedules, turns
from mine_lightning.hosts.look_ahead import LookAhead
from mine_lightning.types import OptimizerFactory, ScheduleFactory

__all__ = ["UnrolledGAN"]


class UnrolledGAN(LightningModule):
    """:class:`mine_lightning.DCGAN` whose generator's loss is that of the discriminator k of its own steps ahead.

    The look-ahead steps are taken on the batch at hand, by the rule and from the state of the discriminator's
    optimizer, and the generator's gradient passes through them. They leave the discriminator and its optimizer as they
    were: its own step is one per batch, as everywhere. They go down the loss without the penalty, through which the
    gradient would need a third derivative that torch's batch normalisation has not. In several processes each looks
    ahead on its share of the batch. Batches, logs and what the evaluation steps return are DCGAN's; with ``unroll=0``
    it is that GAN.

    Source: Metz et al., Unrolled Generative Adversarial Networks, ICLR 2017, equations 7 to 10.

    Args:
        generator: latent vectors ``[n, d]`` to images in [-1, 1].
        discriminator: images to logits ``[n]``; differentiable twice.
        latents: called as ``latents(n, device, generator)``, returns latent vectors ``[n, d]``.
        unroll: k, the number of look-ahead steps.
        optimizer_g: callable from the generator's parameters to its optimizer.
        optimizer_d: likewise for the discriminator: Adam, or SGD without momentum.
        penalty: a zero-centred gradient penalty on the discriminator, or None.
        schedule: callable from an optimizer to its learning-rate schedule, for both, stepped after each epoch; or None.

    Raises:
        InputError: if ``unroll`` is negative.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latents: nn.Module,
        unroll: int = 5,
        optimizer_g: OptimizerFactory = torch.optim.Adam,
        optimizer_d: OptimizerFactory = torch.optim.Adam,
        penalty: ZeroCentredPenalty | None = None,
        schedule: ScheduleFactory | None = None,
    ) -> None:
        super().__init__()
        if unroll < 0:
            raise InputError(f"Expected unroll >= 0 but got {unroll}; with 0 it is the plain GAN.")
        self.automatic_optimization = False
        check_latents(latents, generator)
        self.generator = generator
        self.discriminator = discriminator
        self.latents = latents
        self.unroll = unroll
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
        trained = {p for p in self.discriminator.parameters() if p.requires_grad}  # in G's turn none of them does
        alternate(self, loss_d, lambda: generator_loss(self._ahead(batch, fake, trained)(fake)))

    def validation_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=0)

    def test_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=1)

    def on_train_epoch_end(self) -> None:
        step_schedules(self)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        return turns(self, self.generator)

    def _ahead(self, real: Tensor, fake: Tensor, trained: Collection[nn.Parameter]) -> Callable[[Tensor], Tensor]:
        """Return the discriminator k steps ahead, a function of the generated images."""
        if self.unroll == 0:
            return self.discriminator
        _, optimizer_d = self.optimizers()  # type: ignore[attr-defined]
        ahead = LookAhead(self.discriminator, optimizer_d.optimizer, trained)
        for _ in range(self.unroll):
            ahead.step(discriminator_loss(ahead(real), ahead(fake)))
        return ahead
