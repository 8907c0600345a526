"""A rate is logged by whom it trains, exactly, and as it changes."""

import csv

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.optim import SGD

from mine_lightning.runs import learning_rates
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
        ([["encoder", "decoder", "critic", "scale"]], ["lr/all"]),
        ([["encoder"]], ["lr/encoder"]),  # the rest has another rate, or none
        ([["decoder", "encoder"], ["critic"]], ["lr/decoder+encoder", "lr/critic"]),
        ([["critic"], ["critic"]], ["lr/critic", "lr/critic/1"]),
        ([["critic.weight"], ["critic.bias"]], ["lr/critic.weight", "lr/critic.bias"]),
        ([["pair.g"], ["pair.d"]], ["lr/pair.g", "lr/pair.d"]),
        ([["pair.g", "critic"], ["critic", "pair.d"]], ["lr/pair+critic", "lr/critic+pair"]),
        ([["pair.g", "critic"], ["pair.d", "critic"]], ["lr/pair+critic", "lr/pair+critic/1"]),
        ([["encoder", "decoder", "critic", "scale"], ["scale"]], ["lr/encoder+3", "lr/scale"]),
        ([[]], ["lr/all"]),  # parameters that are not the host's
        ([[], []], ["lr/others", "lr/others/1"]),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_names(taken, names, compiled):
    host = Host()
    host.pair = nn.ModuleDict({"g": nn.Linear(1, 1), "d": nn.Linear(1, 1)}) if "pair" in str(taken) else None
    optimizers = [
        SGD([p for part in parts for p in _parameters(host, part)] or [nn.Parameter(torch.ones(1))], lr=1.0)
        for parts in taken
    ]
    assert names_of(optimizers, torch.compile(host) if compiled else host) == names


def test_what_does_not_train_is_no_part():
    host = Host()
    host.encoder.requires_grad_(False)
    assert names_of([SGD([p for p in host.parameters() if p.requires_grad], lr=1.0)], host) == ["lr/all"]


def test_groups_are_named_one_by_one():
    host = Host()
    optimizer = SGD(host.decoder.parameters(), lr=1.0)
    assert names_of([optimizer], host) == ["lr/decoder"]
    optimizer.add_param_group({"params": host.encoder.parameters()})  # as Lightning's BaseFinetuning does
    assert names_of([optimizer], host) == ["lr/decoder", "lr/encoder"]


def _parameters(host, part):
    found = host.get_submodule(part) if part in dict(host.named_modules()) else host.get_parameter(part)
    return [found] if isinstance(found, nn.Parameter) else list(found.parameters())


def _fit(host, path, every, batches, **settings):
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        log_every_n_steps=every,
        logger=MetricsCSV(path, None, None),
        callbacks=[LearningRates()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    trainer.fit(host, torch.utils.data.DataLoader(torch.ones(batches, 1)))
    with path.open(newline="") as file:
        return trainer, list(csv.DictReader(file))


def test_rates_are_in_the_log(tmp_path):
    trainer, rows = _fit(Host(), tmp_path / "metrics.csv", 1, 3)
    assert [row["lr/encoder+decoder"] for row in rows] == ["0.0003", "0.00015", "7.5e-05"]
    assert {row["lr/critic"] for row in rows} == {"0.1"}
    assert {row["lr/scale"] for row in rows} == {"0.5"}
    assert trainer.callback_metrics["lr/critic"] == pytest.approx(0.1)


def test_a_host_may_log_its_own(tmp_path):
    class Logs(Host):
        def on_train_batch_start(self, batch, batch_idx):
            self.log("lr", 7.0, prog_bar=True)
            self.log("lr/critic", 8.0)  # by chance, in rows of its own

    _, rows = _fit(Logs(), tmp_path / "metrics.csv", 1, 2)
    assert [row["lr"] for row in rows] == ["", "7.0"] * 2
    assert [row["lr/critic"] for row in rows] == ["0.1", "8.0"] * 2


def test_only_what_is_logged_costs(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(learning_rates, "names_of", lambda *args: calls.append(1) or names_of(*args))
    _, rows = _fit(Host(), tmp_path / "metrics.csv", 4, 9)
    assert [row["step"] for row in rows] == ["3", "7"]
    assert len(calls) == 2


def test_micro_batches_have_one_row(tmp_path):
    class Automatic(Host):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = True

        def training_step(self, batch, batch_idx):
            return self.critic(batch).sum()

        def configure_optimizers(self):
            return SGD(self.critic.parameters(), lr=0.5)

    _, rows = _fit(Automatic(), tmp_path / "metrics.csv", 1, 6, accumulate_grad_batches=3)
    assert [(row["step"], row["lr/critic"]) for row in rows] == [("0", "0.5"), ("1", "0.5")]
