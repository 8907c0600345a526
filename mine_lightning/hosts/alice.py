"""ALICE: ALI, and a loss that asks for the image itself when it is encoded and decoded again."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.hosts.adversarial import ZeroCentredPenalty, pair_generator_loss, pair_loss
from mine_lightning.hosts.alternation import alternate, check_latents, step_schedules, turns
from mine_lightning.hosts.cycles import Cycle
from mine_lightning.hosts.inference import inferred
from mine_lightning.networks.encoders import GaussianEncoder
from mine_lightning.networks.pairs import PairDiscriminator, PairLogit
from mine_lightning.types import JointFactory, ModuleFactory, OptimizerFactory, ScheduleFactory

__all__ = ["ALICE"]


class ALICE(LightningModule):
    r""":class:`mine_lightning.ALI` with an explicit cycle loss on x and its reconstruction G(E(x)).

    Encoder and decoder descend ALI's loss plus :math:`\lambda` times the cycle's; what the cycle has of its own to
    train, a second discriminator, is trained in the discriminator's turn. E(x) is the draw that the first discriminator
    judges. Batches, logs and what the evaluation steps return are ALI's; ``train/loss_d`` is the sum over both
    discriminators. With a weight of 0 its weights are ALI's but for one more pass through the generator's batch
    normalisation.

    Source: Li et al., ALICE: Towards Understanding Adversarial Learning for Joint Distribution Matching, NeurIPS 2017,
    section 3.2, with the cycle of x alone.

    Args:
        generator: the decoder, latent vectors ``[n, d]`` to images in [-1, 1].
        discriminator: a discriminator of images with ``features`` and ``output``, which ``joint`` makes one of pairs.
        latents: called as ``latents(n, device, generator)``, returns latent vectors ``[n, d]``; has ``size`` d.
        cycle: :class:`mine_lightning.hosts.cycles.SquaredCycle` for ALICE(l2),
            :class:`mine_lightning.hosts.cycles.AdversarialCycle` for ALICE(Adv.).
        encoder: callable from d to a module E from images to latent vectors, one draw for each image.
        joint: callable from the lengths of features and of z to what the pair adds to the image's logit.
        optimizer_g: callable from the parameters of decoder and encoder to their optimizer.
        optimizer_d: likewise for the discriminator and what the cycle has.
        penalty: a zero-centred gradient penalty on the discriminator, in x at the pair's z, and the cycle's, or None.
        schedule: callable from an optimizer to its learning-rate schedule, for both, stepped after each epoch; or None.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latents: nn.Module,
        cycle: Cycle,
        encoder: ModuleFactory = GaussianEncoder,
        joint: JointFactory = PairLogit,
        optimizer_g: OptimizerFactory = torch.optim.Adam,
        optimizer_d: OptimizerFactory = torch.optim.Adam,
        penalty: ZeroCentredPenalty | None = None,
        schedule: ScheduleFactory | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        size: int = latents.size  # type: ignore[assignment]
        check_latents(latents, generator)
        self.generator = generator
        self.encoder = encoder(size)
        self.discriminator = PairDiscriminator(discriminator, size, joint)
        self.cycle = cycle
        self.latents = latents
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
            loss_d + self.cycle.own_loss(batch, again, self.penalty, batch_idx),
            lambda: (
                pair_generator_loss(self.discriminator, batch, code, fake, z)
                + self.cycle.weight * self.cycle(batch, again)
            ),
        )

    def validation_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return inferred(self, batch, batch_idx, stream=0)

    def test_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return inferred(self, batch, batch_idx, stream=1)

    def on_train_epoch_end(self) -> None:
        step_schedules(self)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        return turns(self, self.generator, self.encoder, beside=[self.cycle])
