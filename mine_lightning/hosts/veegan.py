"""VEEGAN: a reconstructor maps images back to noise, and the discriminator judges pairs of noise and image."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import ZeroCentredPenalty, pair_loss
from mine_lightning.hosts.alternation import alternate, check_latents, samples, step_schedules, turns
from mine_lightning.networks.pairs import PairDiscriminator, PairLogit
from mine_lightning.types import JointFactory, ModuleFactory, OptimizerFactory, ScheduleFactory

__all__ = ["VEEGAN"]


class VEEGAN(LightningModule):
    r"""A generator G, a reconstructor F and a discriminator D of pairs, trained in turns like the other GANs.

    With the logit D positive where a pair is one of (F(x), x), the discriminator descends

    .. math:: E_x\,\mathrm{softplus}(-D(F(x), x)) + E_z\,\mathrm{softplus}(D(z, G(z)))

    and generator and reconstructor together descend

    .. math:: -E_z D(z, G(z)) + E_x D(F(x), x) + \lambda\, E_z \|z - F(G(z))\|^2 .

    What is reconstructed is the noise, not the image. In the paper's sign the logit is -D. Batches, logs and what the
    evaluation steps return are those of :class:`mine_lightning.DCGAN`.

    Source: Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning, NeurIPS 2017,
    section 3 and algorithm 1; the reconstructor's adversarial part is that of the authors' notebook.

    Args:
        generator: latent vectors ``[n, d]`` to images in [-1, 1].
        reconstructor: callable from d to a module F from images to latent vectors.
        discriminator: a discriminator of images with ``features`` and ``output``, which ``joint`` makes one of pairs.
        latents: called as ``latents(n, device, generator)``, returns latent vectors ``[n, d]``; has ``size`` d.
        joint: callable from the lengths of features and of z to what the pair adds to the image's logit.
        reconstruction: weight of the squared distance, which is summed over z.
        optimizer_g: callable from the parameters of generator and reconstructor to their optimizer.
        optimizer_d: likewise for the discriminator.
        penalty: a zero-centred gradient penalty on the discriminator, in x at the pair's z, or None.
        schedule: callable from an optimizer to its learning-rate schedule, for both, stepped after each epoch; or None.

    Raises:
        InputError: if ``reconstruction`` is negative.
    """

    def __init__(
        self,
        generator: nn.Module,
        reconstructor: ModuleFactory,
        discriminator: nn.Module,
        latents: nn.Module,
        joint: JointFactory = PairLogit,
        reconstruction: float = 1.0,
        optimizer_g: OptimizerFactory = torch.optim.Adam,
        optimizer_d: OptimizerFactory = torch.optim.Adam,
        penalty: ZeroCentredPenalty | None = None,
        schedule: ScheduleFactory | None = None,
    ) -> None:
        super().__init__()
        if reconstruction < 0:
            raise InputError(f"Expected reconstruction >= 0 but got {reconstruction}; it weighs a distance.")
        self.automatic_optimization = False
        size: int = latents.size  # type: ignore[assignment]
        check_latents(latents, generator)
        self.generator = generator
        self.reconstructor = reconstructor(size)
        self.discriminator = PairDiscriminator(discriminator, size, joint)
        self.latents = latents
        self.reconstruction = reconstruction
        self.optimizer_g = optimizer_g
        self.optimizer_d = optimizer_d
        self.penalty = penalty
        self.schedule = schedule

    def forward(self, latents: Tensor) -> Tensor:
        """Return generated images of latent vectors."""
        return self.generator(latents)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        z = self.latents(len(batch), self.device)
        fake, code = self.generator(z), self.reconstructor(batch)
        loss_d = pair_loss(self.discriminator, batch, code, fake, z, self.penalty, batch_idx)
        alternate(self, loss_d, lambda: self._loss_g(batch, code, fake, z))

    def validation_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=0)

    def test_step(self, batch: Tensor, batch_idx: int) -> dict[str, Tensor]:
        return samples(self, len(batch), batch_idx, stream=1)

    def on_train_epoch_end(self) -> None:
        step_schedules(self)

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        return turns(self, self.generator, self.reconstructor)

    def _loss_g(self, x: Tensor, code: Tensor, fake: Tensor, z: Tensor) -> Tensor:
        """Return the loss of generator and reconstructor on pairs (x, code) and (fake, z)."""
        adversarial = self.discriminator(x, code).mean() - self.discriminator(fake, z).mean()
        distance = (z - self.reconstructor(fake)).float().square().sum(dim=1).mean()
        return adversarial + self.reconstruction * distance
