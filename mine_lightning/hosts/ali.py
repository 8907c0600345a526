"""ALI: an encoder and a decoder make pairs of image and code, and a discriminator tells them apart."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.hosts.adversarial import ZeroCentredPenalty, pair_generator_loss, pair_loss
from mine_lightning.hosts.alternation import alternate, check_latents, step_schedules, turns
from mine_lightning.hosts.inference import inferred
from mine_lightning.networks.encoders import GaussianEncoder
from mine_lightning.networks.pairs import PairDiscriminator, PairLogit
from mine_lightning.types import JointFactory, ModuleFactory, OptimizerFactory, ScheduleFactory

__all__ = ["ALI"]


class ALI(LightningModule):
    r"""Adversarially learned inference: an encoder E, a decoder G (the generator) and a discriminator D of pairs.

    With the logit D positive where a pair is the encoder's, the discriminator descends

    .. math:: E_x\,\mathrm{softplus}(-D(x, E(x))) + E_z\,\mathrm{softplus}(D(G(z), z))

    and encoder and decoder together the same with both signs turned. E(x) is drawn anew for each image, and the
    gradient passes through the draw. Batches, logs and samples are those of :class:`mine_lightning.DCGAN`; the
    evaluation steps return ``x``, ``code`` and ``reconstruction`` beside the samples, see
    :func:`mine_lightning.hosts.inference.inferred`.

    Source: Dumoulin et al., Adversarially Learned Inference, ICLR 2017, section 2 and algorithm 1; the generator's loss
    is the authors' code's, non-saturating.

    Args:
        generator: the decoder, latent vectors ``[n, d]`` to images in [-1, 1].
        encoder: callable from d to a module E from images to latent vectors, one draw for each image.
        discriminator: a discriminator of images with ``features`` and ``output``, which ``joint`` makes one of pairs.
        latents: called as ``latents(n, device, generator)``, returns latent vectors ``[n, d]``; has ``size`` d.
        joint: callable from the lengths of features and of z to what the pair adds to the image's logit.
        optimizer_g: callable from the parameters of decoder and encoder to their optimizer.
        optimizer_d: likewise for the discriminator.
        penalty: a zero-centred gradient penalty on the discriminator, in x at the pair's z, or None.
        schedule: callable from an optimizer to its learning-rate schedule, for both, stepped after each epoch; or None.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        latents: nn.Module,
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
        fake, code = self.generator(z), self.encoder(batch)
        loss_d = pair_loss(self.discriminator, batch, code, fake, z, self.penalty, batch_idx)
        alternate(self, loss_d, lambda: pair_generator_loss(self.discriminator, batch, code, fake, z))

    def validation_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return inferred(self, batch, batch_idx, stream=0)

    def test_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return inferred(self, batch, batch_idx, stream=1)

    def on_train_epoch_end(self) -> None:
        step_schedules(self)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        return turns(self, self.generator, self.encoder)
