"""The Trainer of a run: what its config asks for, and what writes the run's folder."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint, ProgressBar
from pytorch_lightning.plugins.io import TorchCheckpointIO

from mine_lightning.cli.build import Parts
from mine_lightning.errors import InputError
from mine_lightning.runs.batch_count import BatchCount
from mine_lightning.runs.csv_log import MetricsCSV
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.learning_rates import LearningRates
from mine_lightning.runs.mode_counts import ModeCounts
from mine_lightning.runs.random_streams import SeedEachEpoch
from mine_lightning.runs.whole_checkpoints import WholeCheckpoints
from mine_lightning.views.checkpoint_artifact import CheckpointArtifact, checkpoint_wanted
from mine_lightning.views.interpolations import Interpolations
from mine_lightning.views.mode_picture import ModePictures
from mine_lightning.views.points import PointCloud
from mine_lightning.views.reconstructions import Reconstructions
from mine_lightning.views.report import Report
from mine_lightning.views.samples import SampleGrid
from mine_lightning.views.terminal import progress_bar
from mine_lightning.views.wandb_run import wandb_logger

__all__ = ["callbacks_of", "run_trainer"]


def run_trainer(folder: RunFolder, parts: Parts, config: dict[str, Any], steps_done: int | None) -> pl.Trainer:
    """Return the Trainer that a config asks for, with what writes the run's folder and its W&B run.

    Args:
        folder: of the run.
        parts: what was built from its config.
        config: filled in, as plain data.
        steps_done: of a run that goes on from a checkpoint, so that what was logged after it is dropped; else None.

    Raises:
        InputError: if the Trainer's arguments do not fit together or this machine.
    """
    given = dict(parts.trainer)
    count = BatchCount()
    callbacks = [count, *(given.pop("callbacks") or [])]
    loggers: list[Any] = [MetricsCSV(folder.path / "metrics.csv", steps_done, count.batches)]
    own = given.pop("logger")
    if own is None or own is True:
        wandb = wandb_logger(folder, config, count.batches)
        loggers += [] if wandb is None else [wandb]
    elif own is not False:
        loggers += own if isinstance(own, list) else [own]
    callbacks += [] if parts.mine is None else [parts.mine]
    callbacks += [
        SeedEachEpoch(config["seed_everything"]),
        SampleGrid(folder.samples),
        PointCloud(folder.samples),
        ModeCounts(folder.modes_file),
        ModePictures(),
        Reconstructions(folder.samples),
        Interpolations(folder.samples),
        Report(folder),  # after the pictures that it shows
        pl.callbacks.Timer(duration=given.pop("max_time")),
        *_checkpoints(folder, given["check_val_every_n_epoch"] or 1),
    ]
    if checkpoint_wanted():
        callbacks.append(CheckpointArtifact(folder))
    if not any(isinstance(callback, LearningRateMonitor) for callback in callbacks):
        callbacks.append(LearningRates())
    if given["enable_progress_bar"] is not False and not any(isinstance(c, ProgressBar) for c in callbacks):
        callbacks.append(progress_bar())
    given["default_root_dir"] = given["default_root_dir"] or str(folder.path)
    try:
        trainer = pl.Trainer(**given, callbacks=callbacks, logger=loggers)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"Expected arguments of the Trainer that fit together and this machine but: {' '.join(str(error).split())}"
        ) from error
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # a strategy's own, or a user's, is left
        trainer.strategy.checkpoint_io = WholeCheckpoints()
    return trainer


class RunCheckpoint(ModelCheckpoint):
    """Its own kind, so that a ``ModelCheckpoint`` of the user's with the same arguments is another one."""


def _checkpoints(folder: RunFolder, every: int) -> list[ModelCheckpoint]:
    """Return what saves ``last.ckpt`` after each epoch, evaluated or not, and one to keep every so many."""
    # after validation and outside of the epoch: a resumed run starts with a whole one. Over what is there: a run that
    # goes on from an older checkpoint would write last-v1.ckpt, and be tested by last.ckpt
    save = partial(
        RunCheckpoint, folder.last_checkpoint.parent, save_on_train_epoch_end=True, enable_version_counter=False
    )
    kept = partial(save, filename="epoch-{epoch:03d}", auto_insert_metric_name=False, save_top_k=-1)
    if every == 1:
        return [kept(save_last=True)]
    # save_last alone would write it where one is kept, and after training
    last = save(filename=folder.last_checkpoint.stem)
    return [kept(every_n_epochs=every), last]


def callbacks_of(trainer: pl.Trainer) -> list[pl.Callback]:
    """Return a Trainer's callbacks, which its type does not name."""
    return trainer.callbacks  # type: ignore[attr-defined]
