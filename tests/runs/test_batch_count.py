"""What is logged lies at its training batch, also where gradients are accumulated."""

import csv
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LearningRateMonitor
from torch.utils.data import DataLoader

from mine_lightning.runs.batch_count import BatchCount
from mine_lightning.runs.csv_log import MetricsCSV

BATCHES = 10


class Host(pl.LightningModule):
    """Logs the batch itself wherever something can be logged."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def note(self, key, batch):
        self.log(key, float(batch), on_step=key == "batch", on_epoch=key != "batch")

    def training_step(self, batch, batch_idx):
        self.note("batch", self.trainer.fit_loop.total_batch_idx)
        return self.layer(batch).mean()

    def on_train_epoch_end(self):
        self.note("epoch_end", self.trainer.fit_loop.total_batch_idx)

    def validation_step(self, batch, batch_idx):
        self.note("validation", self.trainer.fit_loop.total_batch_idx)

    def test_step(self, batch, batch_idx):
        self.note("test", self.trainer.fit_loop.total_batch_idx + 1)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), 1e-3)
        return [optimizer], [torch.optim.lr_scheduler.ConstantLR(optimizer)]


class Save(pl.Callback):
    """A checkpoint at the end of each epoch, where a run's own is written."""

    def __init__(self, path):
        self.path = path

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.save_checkpoint(self.path / f"epoch{trainer.current_epoch}.ckpt")


def fit(path, accumulate, resume=False, counted=True):
    """Train three epochs, or go on from the end of the first, and return the rows of metrics.csv."""
    count = BatchCount()
    translate = count.batches if counted else None
    log = MetricsCSV(path / "metrics.csv", keep_until=BATCHES if resume else None, batches=translate)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=3,
        accumulate_grad_batches=accumulate,
        val_check_interval=0.5,
        log_every_n_steps=1,
        logger=log,
        enable_checkpointing=False,
        callbacks=[count, LearningRateMonitor(), Save(path)],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    host, data = Host(), DataLoader(torch.ones(BATCHES, 1))
    trainer.fit(host, data, data, ckpt_path=path / "epoch0.ckpt" if resume else None)
    trainer.test(host, data, verbose=False)
    log.finalize("success")
    with log.path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("accumulate", [1, 3, 4, 20])
def test_each_row_has_the_batch_that_it_was_logged_at(tmp_path, accumulate):
    rows = fit(tmp_path, accumulate)
    for key in ("batch", "epoch_end", "validation", "test"):
        found = [(int(row["step"]), float(row[key])) for row in rows if row.get(key)]
        assert found
        assert all(step == batch for step, batch in found), key
    assert [row["step"] for row in rows if row["validation"]] == ["4", "9", "14", "19", "24", "29"]
    # once an epoch, before its first batch
    assert [row["step"] for row in rows if row["lr-SGD"]] == ["0", "10", "20"]


@pytest.mark.parametrize("accumulate", [1, 3, 20])
def test_a_resumed_run_has_each_row_once(tmp_path, accumulate):
    whole = fit(tmp_path, accumulate)
    assert fit(tmp_path, accumulate, resume=True) == whole


def test_without_accumulation_it_is_lightnings_own_count(tmp_path):
    (tmp_path / "own").mkdir()
    assert fit(tmp_path, 1) == fit(tmp_path / "own", 1, counted=False)


def test_a_step_that_is_not_lightnings_stays():
    count = BatchCount()
    assert count.batches(3) == 3
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(_batches_that_stepped=2), total_batch_idx=7)
    count.on_train_batch_start(SimpleNamespace(fit_loop=loop), None, None, 0)
    assert count.batches(2) == 7
    assert count.batches(7) == 7  # a batch already, as pictures have it
