"""An information bottleneck on a ResNet: a classifier of images whose code is asked to keep less of the image.

python examples/resnet_bottleneck.py             # 6 epochs, a minute on a CPU core
python examples/resnet_bottleneck.py --beta 0    # the same, only watched
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
from torchvision.models import resnet18

from mine_lightning import ConvStatistics, MINERegularizer


class Classifier(LightningModule):
    """A ResNet-18, a noisy code and a linear head, as anyone writes it; nothing here knows of mutual information.

    The noise is what makes a bottleneck: a code that is a function of the image alone holds infinitely many nats.
    """

    def __init__(self, classes: int = 10, code: int = 16, lr: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.backbone = resnet18(weights=None)
        self.backbone.fc = nn.Linear(512, 2 * code)
        self.head = nn.Linear(code, classes)

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = self.backbone(x).chunk(2, dim=1)
        return self.head(mean + F.softplus(spread - 1) * torch.randn_like(mean))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        return F.cross_entropy(self(x), y)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("val/accuracy", (self(x).argmax(1) == y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def digits(side: int = 32) -> TensorDataset:
    """Scikit-learn's 1,797 handwritten digits as RGB images [3, side, side] in [-1, 1], with their labels."""
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1
    x = F.interpolate(x, size=side, mode="bilinear", antialias=True).expand(-1, 3, -1, -1)
    return TensorDataset(x, torch.tensor(labels))


def main(arguments: list[str] | None = None) -> Trainer:
    """Train and print what to look at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beta", type=float, default=0.2, help="weight of I(image; code), per nat")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--fast", action="store_true", help="ten batches, to see that it runs")
    options = parser.parse_args(arguments)
    seed_everything(0, verbose=False)

    # x is the image, z the code as the head gets it; T takes two larger steps a batch, to keep up with a moving code.
    # It may still read too little in the end, since the encoder runs from T: estimate_mi on the finished code tells.
    bottleneck = MINERegularizer(
        x="batch:0",
        z="input:head",
        direction="minimize",
        beta=options.beta,
        statistics_network=ConvStatistics,
        optimizer=partial(torch.optim.Adam, lr=1e-3),
        t_steps=2,
    )
    train, held_out = random_split(digits(), [1400, 397])
    trainer = Trainer(
        max_epochs=options.epochs,
        fast_dev_run=10 * options.fast,
        accelerator="cpu",
        callbacks=[bottleneck],
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(Classifier(), DataLoader(train, 64, shuffle=True, drop_last=True), DataLoader(held_out, 128))

    values = trainer.callback_metrics
    print(f"held-out accuracy  {values['val/accuracy']:.1%}")
    print(f"I(image; code)     {values['val/mi']:.2f} ± {values['val/mi_stderr']:.2f} nats on held-out pairs")
    print("The label alone is ln 10 = 2.30 nats. Compare with --beta 0, where the code holds more of the image.")
    print("A value that stays below 0 would mean that T lags behind the code: more t_steps, or less beta.")
    return trainer


if __name__ == "__main__":
    main()
