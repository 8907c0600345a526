"""A rate is logged by whom it trains, exactly, and as it changes."""

import csv

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.optim import SGD

from mine_lightning.runs.csv_log import MetricsCSV
from mine_lightning.runs.learning_rates import LearningRates, names_of


class Host(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder, self.critic = nn.Linear(1, 1), nn.Linear(1, 1), nn.Linear(1, 1)
        self.scale = nn.Parameter(torch.ones(()))
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            self.manual_backward(self.critic(self.decoder(self.encoder(batch))).sum())
            optimizer.step()
        self.lr_schedulers().step()

    def configure_optimizers(self):
        first = SGD(nn.ModuleList([self.encoder, self.decoder]).parameters(), lr=3e-4)
        second = SGD([{"params": self.critic.parameters()}, {"params": [self.scale], "lr": 0.5}], lr=0.1)
        return [first, second], [torch.optim.lr_scheduler.ExponentialLR(first, 0.5)]


@pytest.mark.parametrize(
    ("taken", "names"),
    [
        ([["encoder", "decoder", "critic", "scale"]], ["lr"]),
        ([["encoder"]], ["lr/encoder"]),  # the rest does not train
        ([["decoder", "encoder"], ["critic"]], ["lr/decoder+encoder", "lr/critic"]),
        ([["critic"], ["critic"]], ["lr/critic", "lr/critic/1"]),
        ([["encoder", "decoder", "critic", "scale"], ["scale"]], ["lr/encoder+3", "lr/scale"]),
        ([[]], ["lr"]),  # parameters that are not the host's
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_names(taken, names, compiled):
    host = Host()
    optimizers = [
        SGD([p for part in parts for p in _parameters(host, part)] or [nn.Parameter(torch.ones(1))], lr=1.0)
        for parts in taken
    ]
    assert names_of(optimizers, torch.compile(host) if compiled else host) == names


def _parameters(host, part):
    found = getattr(host, part)
    return [found] if isinstance(found, nn.Parameter) else list(found.parameters())


def test_rates_are_in_the_log(tmp_path):
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        log_every_n_steps=1,
        logger=MetricsCSV(tmp_path / "metrics.csv", None, None),
        callbacks=[LearningRates()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Host(), torch.utils.data.DataLoader(torch.ones(3, 1)))
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["lr/encoder+decoder"] for row in rows] == ["0.0003", "0.00015", "7.5e-05"]
    assert {row["lr/critic+scale/group0"] for row in rows} == {"0.1"}
    assert {row["lr/critic+scale/group1"] for row in rows} == {"0.5"}
