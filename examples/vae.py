"""Against posterior collapse: a VAE whose decoder is kept from ignoring z, by maximising I(x; z).

python examples/vae.py             # a quarter of a minute on a CPU core
python examples/vae.py --beta 0    # the same, only watched: z holds nothing
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


class VAE(LightningModule):
    """A variational autoencoder of flat images in [0, 1]; nothing here knows of mutual information.

    With this weight of its KL term, 3, it collapses: the decoder learns to do without z.
    """

    def __init__(self, pixels: int = 64, latent: int = 4, kl_weight: float = 3.0, lr: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Linear(pixels, 128), nn.ReLU(), nn.Linear(128, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 128), nn.ReLU(), nn.Linear(128, pixels))

    def losses(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the reconstruction error and KL(q(z|x) || p(z)) of a batch [n, pixels], nats an image."""
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + (log_var / 2).exp() * torch.randn_like(mean)
        error = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum") / len(x)
        return error, 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1).mean()

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        error, kl = self.losses(batch[0])
        return error + self.hparams.kl_weight * kl

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        error, kl = self.losses(batch[0])
        self.log_dict({"val/error": error, "val/kl": kl})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def main(arguments: list[str] | None = None) -> Trainer:
    """Train and print what to look at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beta", type=float, default=3.0, help="weight of I(x; z), per nat")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--fast", action="store_true", help="one batch, to see that it runs")
    options = parser.parse_args(arguments)
    seed_everything(0, verbose=False)

    # z is drawn inside training_step and has no name of its own: it is what the decoder is called with
    term = MINERegularizer(
        x="batch:0",
        z="input:decoder",
        direction="maximize",
        beta=options.beta,
        adaptive_clip=False,  # the host's own KL term holds I(x; z) down already
        optimizer=partial(torch.optim.Adam, lr=1e-3),
    )
    digits = TensorDataset(torch.tensor(load_digits().data / 16, dtype=torch.float32))
    train, held_out = random_split(digits, [1400, 397])
    trainer = Trainer(
        max_epochs=options.epochs,
        fast_dev_run=options.fast,
        accelerator="cpu",
        callbacks=[term],
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(VAE(), DataLoader(train, 64, shuffle=True, drop_last=True), DataLoader(held_out, 397))

    values = trainer.callback_metrics
    print(f"reconstruction error  {values['val/error']:.2f} nats an image")
    print(f"KL(q(z|x) || p(z))    {values['val/kl']:.2f} nats: the most that z can hold of x")
    print(f"I(x; z)               {values['val/mi']:.2f} ± {values['val/mi_stderr']:.2f} nats on held-out pairs")
    print("I(x; z) near 0 is a collapsed posterior: every image is decoded to the same one (see --beta 0).")
    return trainer


if __name__ == "__main__":
    main()
