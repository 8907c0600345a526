"""What logging costs: steps of the main job with metrics.csv, W&B (offline) and learning rates, and without any.

``python benchmarks/logging_cost.py [--experiment NAME] [--rounds 12] [--steps 51]``. Rounds with and without follow
each other in one process, now the one first and now the other, each goes on with its own model; a round is timed from
the end of its first step, which warms up, to the end of its last. The answer is the median over pairs of neighbouring
rounds, with its standard error, for wall time and for processor time; W&B's own process is in the first alone. The
quietest answer is the processor time that the loggers' own calls took, as a share of the steps. Promised: at most 1.03
times.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateMonitor

from mine_lightning.cli import arguments, build
from mine_lightning.cli.main import merged, resolved
from mine_lightning.runs.csv_log import MetricsCSV
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.machine import hardware
from mine_lightning.views.terminal import quiet_lightning
from mine_lightning.views.wandb_run import wandb_logger

MEDIAN = 1.2533  # standard error of a median over that of a mean, for normal noise


class Clock(pl.Callback):
    """Wall and processor seconds from the end of the first step to the end of the last."""

    def on_train_batch_end(self, trainer: pl.Trainer, host: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.began = time.perf_counter(), time.process_time()
        self.took = time.perf_counter() - self.began[0], time.process_time() - self.began[1]


class Watch:
    """Adds up the processor seconds of some methods of some objects, while it counts."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, owner: Any, *names: str) -> Any:
        """Return the object, those methods timed from now on."""
        for name in names:
            setattr(owner, name, self._timed(getattr(owner, name)))
        return owner

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return method(*words, **named)
            finally:
                self.seconds += time.process_time() - began

        return call


class Variant:
    """A model of its own, trained round by round.

    Args:
        experiment: whose config.
        folder: of the run, where it logs; None for no logging.
        steps: of a round.
    """

    def __init__(self, experiment: str, folder: RunFolder | None, steps: int):
        config = merged(arguments.parse(["--config", experiment, "--trainer.precision", "32-true"]))
        ready, plain = resolved(config)
        pl.seed_everything(0, verbose=False)
        self.parts = build.instantiate(ready)
        self.steps, self.rounds = steps, []
        self.watch, self.loggers = Watch(), []
        if folder is not None:
            loggers = [MetricsCSV(folder.path / "metrics.csv"), wandb_logger(folder, plain)]
            self.loggers = [self.watch.over(logger, "log_metrics", "save") for logger in loggers]

    def round(self) -> None:
        """Train the steps of one round and keep their times, in seconds a step."""
        clock = Clock()
        monitor = self.watch.over(LearningRateMonitor(), "on_train_batch_start", "on_train_epoch_start")
        callbacks = [clock, *([monitor] if self.loggers else [])]
        trainer = pl.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=1,
            limit_train_batches=self.steps,
            limit_val_batches=0,
            callbacks=callbacks + ([] if self.parts.mine is None else [self.parts.mine]),
            logger=self.loggers or False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(self.parts.model, datamodule=self.parts.data)
        self.rounds.append([seconds / (self.steps - 1) for seconds in clock.took])


def main(argv: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", default="gan_stacked_mnist")
    parser.add_argument("--rounds", type=int, default=12, help="of each, at least 2")
    parser.add_argument("--steps", type=int, default=51, help="of a round; the default interval of logging is 50")
    asked = parser.parse_args(argv)
    if asked.rounds < 2:
        parser.error(f"expected at least 2 rounds, which a standard error takes, but got {asked.rounds}")
    os.environ["WANDB_MODE"] = "offline"
    quiet_lightning()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = RunFolder.create(Path(place), asked.experiment, "default", "benchmark", 0)
        named = {"experiment": asked.experiment, "protocol": "default", "dataset": "benchmark", "seed": 0}
        folder.write_identity(**named, config_hash="")
        variants = [Variant(asked.experiment, None, asked.steps), Variant(asked.experiment, folder, asked.steps)]
        for number in range(asked.rounds):
            for variant in variants if number % 2 else reversed(variants):
                variant.round()
        variants[1].loggers[1].experiment.finish()
    off, on = (np.array(variant.rounds) for variant in variants)
    print(f"{asked.experiment}, {hardware()}; {asked.rounds} pairs of rounds of {asked.steps} steps, medians")
    print(f"{'':<16}{'wall, ms a step':>18}{'processor, ms':>18}")
    for name, seconds in (("without", off), ("with logging", on)):
        wall, processor = 1000 * np.median(seconds, axis=0)
        print(f"{name:<16}{wall:>18.2f}{processor:>18.2f}")
    ratio = np.median(on / off, axis=0)
    error = MEDIAN * np.std(on / off, axis=0, ddof=1) / asked.rounds**0.5
    cells = [f"{middle:.3f} ± {spread:.3f}" for middle, spread in zip(ratio, error, strict=True)]
    print(f"{'ratio of a pair':<16}{cells[0]:>18}{cells[1]:>18}")
    share = variants[1].watch.seconds / (asked.rounds * asked.steps) / float(np.median(off[:, 1]))
    print(f"{'loggers alone':<34}{1 + share:>18.4f}")
    return {"wall": float(ratio[0]), "processor": float(ratio[1]), "loggers": 1 + share}


if __name__ == "__main__":
    main()
