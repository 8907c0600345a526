"""The Trainer of a run, made and not started."""

import pytest
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint, ProgressBar, TQDMProgressBar
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.plugins.io import AsyncCheckpointIO

from mine_lightning.cli.build import Parts
from mine_lightning.cli.trainer import callbacks_of, run_trainer
from mine_lightning.errors import InputError
from mine_lightning.runs.csv_log import MetricsCSV
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.learning_rates import LearningRates
from mine_lightning.runs.whole_checkpoints import WholeCheckpoints

GIVEN = {
    "callbacks": None,
    "logger": None,
    "max_time": None,
    "check_val_every_n_epoch": 1,
    "enable_progress_bar": None,
    "default_root_dir": None,
    "accelerator": "cpu",
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A function from Trainer arguments to the Trainer of a run."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    folder = RunFolder.create(tmp_path, "a", "default", "digits", 0)
    folder.write_identity(experiment="a", protocol="default", dataset="digits", seed=0, config_hash="0", commit="none")

    def make(**given):
        return run_trainer(folder, Parts(None, None, None, GIVEN | given), {"seed_everything": 0}, None)

    return make


def of_kind(trainer, kind):
    return [callback for callback in callbacks_of(trainer) if isinstance(callback, kind)]


def test_what_the_user_brings_takes_the_place_of_ours(made):
    mine = LearningRateMonitor(), TQDMProgressBar()
    trainer = made(callbacks=[*mine])
    assert of_kind(trainer, (LearningRates, LearningRateMonitor, ProgressBar)) == [*mine]
    assert len(of_kind(made(), LearningRates)) == len(of_kind(made(), ProgressBar)) == 1
    assert of_kind(made(enable_progress_bar=False), ProgressBar) == []


def test_metrics_are_kept_whatever_the_logger(made, tmp_path):
    own = CSVLogger(tmp_path)
    assert [type(logger) for logger in made(logger=False).loggers] == [MetricsCSV]
    assert made(logger=own).loggers[1:] == made(logger=[own]).loggers[1:] == [own]


def test_each_epoch_is_saved_and_every_evaluated_one_kept(made):
    (each,) = of_kind(made(), ModelCheckpoint)
    assert (each.save_last, each.save_top_k, each._every_n_epochs) == (True, -1, 1)
    kept, last = of_kind(made(check_val_every_n_epoch=5), ModelCheckpoint)
    assert (kept.filename, kept._every_n_epochs) == ("epoch-{epoch:03d}", 5)
    assert (last.filename, last._every_n_epochs) == ("last", 1)


def test_arguments_that_do_not_fit_this_machine_are_told(made):
    with pytest.raises(InputError, match="Expected arguments of the Trainer that fit together and this machine but"):
        made(accelerator="foo")


def test_checkpoints_are_written_whole_but_by_what_the_user_brings(made):
    assert type(made().strategy.checkpoint_io) is WholeCheckpoints
    assert type(made(devices=2, strategy="ddp").strategy.checkpoint_io) is WholeCheckpoints
    own = AsyncCheckpointIO()
    assert made(plugins=[own]).strategy.checkpoint_io is own
