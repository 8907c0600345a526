"""A GAN that listens to its code: Lightning's basic GAN, and a term that maximises I(G(z); code).

python examples/gan.py             # half a minute on a CPU core
python examples/gan.py --beta 0    # the same, only watched
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from pytorch_lightning import LightningModule, Trainer, seed_everything
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split

from mine_lightning import MINERegularizer


class GAN(LightningModule):
    """A GAN of flat images in [-1, 1] under manual optimisation; nothing here knows of mutual information."""

    def __init__(self, pixels: int = 64, latent: int = 16, lr: float = 2e-4) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(latent, 256), nn.ReLU(), nn.Linear(256, pixels), nn.Tanh())
        self.discriminator = nn.Sequential(nn.Linear(pixels, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1))

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)

    def adversarial_loss(self, images: Tensor, real: bool) -> Tensor:
        """Return the cross-entropy of D's verdict on images [n, pixels], were they real or not."""
        verdict = self.discriminator(images)
        return F.binary_cross_entropy_with_logits(verdict, torch.full_like(verdict, float(real)))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        images = batch[0]
        optimizer_g, optimizer_d = self.optimizers()
        z = torch.randn(len(images), self.hparams.latent).type_as(images)

        self.toggle_optimizer(optimizer_g)
        loss_g = self.adversarial_loss(self(z), real=True)
        optimizer_g.zero_grad()
        self.manual_backward(loss_g)
        optimizer_g.step()
        self.untoggle_optimizer(optimizer_g)

        self.toggle_optimizer(optimizer_d)
        loss_d = (self.adversarial_loss(images, real=True) + self.adversarial_loss(self(z).detach(), real=False)) / 2
        optimizer_d.zero_grad()
        self.manual_backward(loss_d)
        optimizer_d.step()
        self.untoggle_optimizer(optimizer_d)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        fake = self(torch.randn(len(batch[0]), self.hparams.latent).type_as(batch[0]))
        self.log("val/d_on_fake", self.discriminator(fake).sigmoid().mean())

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        adam = partial(torch.optim.Adam, lr=self.hparams.lr, betas=(0.5, 0.999))
        return [adam(self.generator.parameters()), adam(self.discriminator.parameters())]


def main(arguments: list[str] | None = None) -> Trainer:
    """Train and print what to look at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beta", type=float, default=1.0, help="weight of I(G(z); code), per nat")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--fast", action="store_true", help="one batch, to see that it runs")
    options = parser.parse_args(arguments)
    seed_everything(0, verbose=False)

    # the code is the first two numbers of z; the other fourteen are noise
    term = MINERegularizer("output:generator", "input:generator[:, :2]", direction="maximize", beta=options.beta)
    digits = TensorDataset(torch.tensor(load_digits().data / 8 - 1, dtype=torch.float32))
    train, held_out = random_split(digits, [1400, 397])
    trainer = Trainer(
        max_epochs=options.epochs,
        fast_dev_run=options.fast,
        accelerator="cpu",
        callbacks=[term],
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(GAN(), DataLoader(train, 64, shuffle=True, drop_last=True), DataLoader(held_out, 397))

    values = trainer.callback_metrics
    print(f"D on generated images  {values['val/d_on_fake']:.2f} (0: seen through, 0.5: D can't tell)")
    print(f"I(G(z); code)          {values['val/mi']:.2f} ± {values['val/mi_stderr']:.2f} nats on fresh images")
    print("What the generator shows of its code: a G that draws the same few images whatever z is shows little of it.")
    print("Compare with --beta 0. No value near ln 397 = 5.98 is to be trusted, on 397 images.")
    return trainer


if __name__ == "__main__":
    main()
