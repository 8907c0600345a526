"""Hosts with the term written into their own training step: what the callback is compared with.

T, its noise and its pairs come from :class:`MINE`, whose streams are functions of (seed, rank, update); the bound, the
moving average, the signs and the order of steps are written out here.
"""

import math

import pytest
import torch
from cases import TinyDiscriminator, TinyGenerator
from pytorch_lightning import LightningModule
from torch import nn
from torch.nn.functional import mse_loss, softplus
from torch.utils.checkpoint import checkpoint

from mine_lightning.estimator import MINE


class Term:
    """beta times Donsker-Varadhan's I(x; z), signed for a loss, and T's own ascent with the moving average."""

    def __init__(self, mine: MINE, beta: float, direction: str, adaptive: bool = False, ranks: int = 1):
        self.mine, self.adaptive, self.ranks = mine, adaptive, ranks
        self.weight = -beta if direction == "maximize" else beta
        self.optimizer = torch.optim.SGD([p for p in mine.parameters() if p.requires_grad], lr=0.05)
        self.log_average = None
        self.factors = []

    def scores(self, x, z, draw):
        """Each process pairs within its own share of the batch: every second sample where there are two."""
        parts = []
        for rank in range(self.ranks):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("mine_lightning.estimator.rank", lambda rank=rank: rank)
                parts.append(self.mine.scores(x[rank :: self.ranks], z[rank :: self.ranks], draw))
        joint, marginal = zip(*parts, strict=True)
        return torch.cat(joint), torch.cat(marginal)

    def loss(self, x, z):
        with torch.autocast(x.device.type, enabled=False):
            joint, marginal = self.scores(self.full(x), self.full(z), "host")
            value = joint.mean() - torch.logsumexp(marginal.flatten(), 0) + math.log(marginal.numel())
            return self.weight * (value.clamp(min=0) if self.weight > 0 else value)

    def full(self, tensor):
        return tensor.to(next(self.mine.parameters()).dtype)

    def gradient(self, x, z, parameters):
        return torch.autograd.grad(self.loss(x, z), parameters, retain_graph=True)

    def add(self, parameters, g_m):
        """The paper's equation 21 where ``adaptive``, else the plain sum."""
        norm_u, norm_m = (torch.cat([g.flatten() for g in gs]).norm() for gs in ([p.grad for p in parameters], g_m))
        self.factors.append((norm_u / norm_m).clamp(max=1) if self.adaptive else torch.tensor(1.0))
        for parameter, m in zip(parameters, g_m, strict=True):
            parameter.grad += self.factors[-1] * m

    def ascend(self, x, z):
        with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
            joint, marginal = self.scores(self.full(x.detach()), self.full(z.detach()), "update")
            batch = (torch.logsumexp(marginal.flatten(), 0) - math.log(marginal.numel())).detach()
            older = batch if self.log_average is None else self.log_average
            self.log_average = (0.99 * older.exp() + 0.01 * batch.exp()).log()
            self.optimizer.zero_grad()
            (marginal.exp().mean() / self.log_average.exp() - joint.mean()).backward()
            self.optimizer.step()
        self.mine.updates += 1


class StyledGAN(LightningModule):
    """A GAN whose training step is written in one of the ways that people write it; with ``term``, by hand."""

    def __init__(self, style: str, term: Term | None = None):
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator = TinyGenerator(), TinyDiscriminator()
        self.style, self.term, self.apart = style, term, term is not None and term.adaptive
        self.held = None

    def configure_optimizers(self):
        return [torch.optim.SGD(part.parameters(), lr=0.05) for part in (self.generator, self.discriminator)]

    def training_step(self, batch, batch_idx):
        # drawn by batch for all processes together, so that each gets what it would as part of one
        stream, world = torch.Generator().manual_seed(batch_idx), self.trainer.world_size
        z = torch.randn(len(batch) * world, 6, generator=stream)[self.global_rank :: world].to(self.device, self.dtype)
        fake = getattr(self, self.style)(batch, z, *self.optimizers())
        if self.term is not None:
            self.term.ascend(fake, z[:, :2])

    # --- what the styles share

    def loss_d(self, real, fake):
        return softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fake)).mean()

    def loss_g(self, fake, z):
        loss = softplus(-self.discriminator(fake)).mean()
        return loss if self.style != "rmse" else mse_loss(self.discriminator(fake), torch.ones(len(z))).sqrt()

    def with_term(self, loss, fake, z):
        if self.term is None:
            return loss
        if self.apart:
            self.held = self.term.gradient(fake, z[:, :2], list(self.generator.parameters()))
            return loss
        return loss + self.term.loss(fake, z[:, :2])

    def step_g(self, optimizer):
        if self.held is not None:
            self.term.add(list(self.generator.parameters()), self.held)
        optimizer.step()

    def descend_d(self, loss, optimizer, **arguments):
        optimizer.zero_grad()
        self.manual_backward(loss, **arguments)
        optimizer.step()

    def descend_g(self, fake, z, optimizer, **arguments):
        loss = self.with_term(self.loss_g(fake, z), fake, z)
        optimizer.zero_grad(**arguments)
        self.manual_backward(loss)
        self.step_g(optimizer)
        return fake

    # --- the styles

    def two_forwards(self, real, z, og, od):
        self.descend_d(self.loss_d(real, self.generator(z).detach()), od)
        return self.descend_g(self.generator(z), z, og)

    def toggled_after(self, real, z, og, od):
        fake = self.generator(z)
        self.toggle_optimizer(od)
        self.descend_d(self.loss_d(real, fake), od, retain_graph=True)
        self.untoggle_optimizer(od)
        self.toggle_optimizer(og)
        fake = self.descend_g(fake, z, og)
        self.untoggle_optimizer(og)
        return fake

    def toggled(self, real, z, og, od):
        self.toggle_optimizer(od)
        self.descend_d(self.loss_d(real, self.generator(z)), od)
        self.untoggle_optimizer(od)
        self.toggle_optimizer(og)
        fake = self.descend_g(self.generator(z), z, og)
        self.untoggle_optimizer(og)
        return fake

    def no_grad(self, real, z, og, od):
        with torch.no_grad():
            fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake), od)
        return self.descend_g(self.generator(z), z, og)

    def detached(self, real, z, og, od):
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake.detach()), od)
        return self.descend_g(fake, z, og)

    def shared(self, real, z, og, od):
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake), od, retain_graph=True)
        return self.descend_g(fake, z, og)

    def shared_zeroed_in_place(self, real, z, og, od):
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake), od, retain_graph=True)
        return self.descend_g(fake, z, og, set_to_none=False)

    def shared_every_other_batch(self, real, z, og, od):
        fake = self.generator(z)
        self.calls = getattr(self, "calls", 0) + 1
        self.descend_d(self.loss_d(real, fake), od, retain_graph=True)
        return fake if self.calls % 2 else self.descend_g(fake, z, og)

    def two_losses(self, real, z, og, od):
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake.detach()), od)
        og.zero_grad()
        self.manual_backward(self.with_term(self.loss_g(fake, z), fake, z), retain_graph=True)
        self.manual_backward(0.3 * mse_loss(fake.mean(0), real.mean(0)))
        self.step_g(og)
        return fake

    def accumulated(self, real, z, og, od):
        """Every second batch steps, on the sum of two gradients."""
        self.calls = getattr(self, "calls", 0) + 1
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake.detach()), od)
        if self.calls % 2:
            og.zero_grad()
        self.manual_backward(self.with_term(self.loss_g(fake, z), fake, z))
        if self.calls % 2 == 0:
            self.step_g(og)
        return fake

    def rmse(self, real, z, og, od):
        return self.detached(real, z, og, od)

    def clipped(self, real, z, og, od):
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake.detach()), od)
        og.zero_grad()
        self.manual_backward(self.with_term(self.loss_g(fake, z), fake, z))
        self.clip_gradients(og, gradient_clip_val=0.2, gradient_clip_algorithm="norm")
        self.step_g(og)
        return fake

    def scaled(self, real, z, og, od):
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake.detach()), od)
        og.zero_grad()
        self.manual_backward(self.with_term(self.loss_g(fake, z), fake, z))
        for parameter in self.generator.parameters():
            parameter.grad.mul_(0.5)
        self.step_g(og)
        return fake

    def inputs_named(self, real, z, og, od):
        """The critic's backward leaves the generator alone without a detach."""
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake), od, inputs=list(self.discriminator.parameters()), retain_graph=True)
        loss = self.with_term(self.loss_g(fake, z), fake, z)
        og.zero_grad()
        self.manual_backward(loss, inputs=list(self.generator.parameters()))
        self.step_g(og)
        return fake

    def penalised(self, real, z, og, od):
        """A gradient penalty asks a gradient of the images; gradients are cleared after each step, not before."""
        real = real.requires_grad_()
        (slope,) = torch.autograd.grad(self.discriminator(real).sum(), real, create_graph=True)
        fake = self.generator(z)
        self.manual_backward(self.loss_d(real, fake.detach()) + slope.square().sum(dim=(1, 2, 3)).mean())
        od.step()
        od.zero_grad()
        self.manual_backward(self.with_term(self.loss_g(fake, z), fake, z))
        self.step_g(og)
        og.zero_grad()
        od.zero_grad()
        return fake

    def raw_optimizer(self, real, z, og, od):
        fake = self.generator(z)
        self.descend_d(self.loss_d(real, fake.detach()), od.optimizer)
        return self.descend_g(fake, z, og.optimizer)

    def checkpointed(self, real, z, og, od):
        """The generator runs again in each backward, D's and its own."""
        fake = checkpoint(lambda latents: self.generator(latents) * 1.0, z, use_reentrant=False)
        self.descend_d(self.loss_d(real, fake), od, retain_graph=True)
        return self.descend_g(fake, z, og)


class Classifier(LightningModule):
    """An encoder and a head under automatic optimisation; with ``term``, I(input; code) by hand.

    Args:
        term: written into the loss, or None.
        dropout: in the encoder.
        optimizer: callable from parameters to an optimizer.
        checkpoint: callable that runs the encoder, as an activation checkpoint does; or None.
    """

    def __init__(self, term=None, dropout=0.0, optimizer=None, checkpoint=None):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 3))
        self.head = nn.Sequential(nn.Tanh(), nn.Linear(3, 2))
        self.term, self.checkpoint = term, checkpoint
        self.optimizer = optimizer or (lambda parameters: torch.optim.SGD(parameters, lr=0.1))
        self.last = None

    def training_step(self, batch, batch_idx):
        x, y = batch
        x = x.to(self.dtype)
        z = self.encoder(x) if self.checkpoint is None else self.checkpoint(self.encoder, x)
        loss = nn.functional.cross_entropy(self.head(z), y)
        if self.term is not None:
            loss = loss + self.term.loss(x, z)
            self.last = (x, z)
        return loss

    def on_train_batch_end(self, outputs, batch, batch_idx):
        if self.term is not None:
            self.term.ascend(*self.last)

    def configure_optimizers(self):
        return self.optimizer(self.parameters())


class Joined(LightningModule):
    """What the two below share: the term joins their loss, by hand where there is one; automatic or manual."""

    def __init__(self, manual=False, term=None):
        super().__init__()
        self.automatic_optimization = not manual
        self.term, self.last = term, None

    def descended(self, loss, x, z):
        """Return the loss with its term to Lightning or, under manual optimisation, take its step here."""
        if self.term is not None:
            self.last = x, z
            loss = loss + self.term.loss(x, z)
        if self.automatic_optimization:
            return loss
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        return None

    def on_train_batch_end(self, outputs, batch, batch_idx):
        if self.term is not None:
            self.term.ascend(*self.last)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class VAE(Joined):
    """z is sampled inside the training step, so that only the decoder's input shows it."""

    def __init__(self, manual=False, term=None):
        super().__init__(manual, term)
        self.encoder, self.decoder = nn.Linear(4, 6), nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 4))

    def training_step(self, batch, batch_idx):
        x = batch[0]
        mean, log_std = self.encoder(x).chunk(2, dim=1)
        stream = torch.Generator().manual_seed(batch_idx)
        z = mean + log_std.exp() * torch.randn(mean.shape, generator=stream)
        rate = 0.5 * (mean**2 + (2 * log_std).exp() - 1 - 2 * log_std).sum(1).mean()
        return self.descended(mse_loss(self.decoder(z), x) + 0.1 * rate, x, z)


class TwoJoints(Joined):
    """An encoder and a decoder, whose two joints of x and z the term takes as one batch of pairs."""

    def __init__(self, manual=False, term=None):
        super().__init__(manual, term)
        self.encoder, self.decoder = nn.Linear(4, 2), nn.Linear(2, 4)

    def training_step(self, batch, batch_idx):
        x, z = batch[0], torch.randn(len(batch[0]), 2, generator=torch.Generator().manual_seed(batch_idx))
        code, fake = self.encoder(x), self.decoder(z)
        loss = (code.square().mean() - 1).square() + mse_loss(fake.mean(dim=0), x.mean(dim=0))
        return self.descended(loss, torch.cat([x, fake]), torch.cat([code, z]))
