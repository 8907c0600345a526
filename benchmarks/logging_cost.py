"""What logging costs: steps of the main job with metrics.csv, W&B (offline) and learning rates, and without any.

``python benchmarks/logging_cost.py [--experiment NAME] [--rounds 6] [--steps 100]``. Rounds of both alternate in one
process, each goes on with its own model; a round is timed from the end of its first step, which warms up, to the end of
its last, so every second or so of logging at the default interval is in it. The fastest round of each counts: on a
machine that does other things it is the one that was least disturbed. Processor time of this process is told beside;
what W&B's own process does is in the wall time alone. Promised: at most 1.03 times.
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
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateMonitor

from mine_lightning.cli import arguments, build
from mine_lightning.cli.main import read, resolved
from mine_lightning.runs.csv_log import MetricsCSV
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.machine import hardware
from mine_lightning.views.terminal import quiet_lightning
from mine_lightning.views.wandb_run import wandb_logger


class Clock(pl.Callback):
    """Wall and processor seconds from the end of the first step to the end of the last."""

    def on_train_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
        if trainer.fit_loop.epoch_loop.batch_progress.current.completed == 1:
            self.began = time.perf_counter(), time.process_time()
        self.took = time.perf_counter() - self.began[0], time.process_time() - self.began[1]


class Variant:
    """A model of its own, trained round by round.

    Args:
        experiment: whose config.
        folder: of the run, where it logs; None for no logging.
        steps: of a round.
    """

    def __init__(self, experiment: str, folder: RunFolder | None, steps: int):
        config = read(arguments.parse(["--config", experiment, "--trainer.precision", "32-true"]))
        ready, plain = resolved(config)
        pl.seed_everything(0, verbose=False)
        self.parts = build.instantiate(ready)
        self.steps, self.rounds = steps, []
        self.loggers: list[Any] = []
        if folder is not None:
            self.loggers = [MetricsCSV(folder.path / "metrics.csv"), wandb_logger(folder, plain)]

    def round(self) -> None:
        """Train the steps of one round and keep their times, in seconds a step."""
        clock = Clock()
        callbacks = [clock, *([LearningRateMonitor()] if self.loggers else [])]
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
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=100, help="of a round; the default interval of logging is 50")
    asked = parser.parse_args(argv)
    os.environ["WANDB_MODE"] = "offline"
    quiet_lightning()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = RunFolder.create(Path(place), asked.experiment, "default", "benchmark", 0)
        named = {"experiment": asked.experiment, "protocol": "default", "dataset": "benchmark", "seed": 0}
        folder.write_identity(**named, config_hash="")
        variants = [Variant(asked.experiment, None, asked.steps), Variant(asked.experiment, folder, asked.steps)]
        for _ in range(asked.rounds):
            for variant in variants:
                variant.round()
        variants[1].loggers[1].experiment.finish()
    best = [[min(times) for times in zip(*variant.rounds, strict=True)] for variant in variants]
    print(f"{asked.experiment}, {hardware()}; {asked.rounds} rounds of {asked.steps} steps each, the fastest counts")
    print(f"{'':<16}{'wall, ms a step':>18}{'processor, ms':>16}")
    for name, (wall, processor) in zip(("without", "with logging"), best, strict=True):
        print(f"{name:<16}{1000 * wall:>18.2f}{1000 * processor:>16.2f}")
    ratios = [on / off for off, on in zip(*best, strict=True)]
    print(f"{'ratio':<16}{ratios[0]:>18.3f}{ratios[1]:>16.3f}")
    return {"wall": ratios[0], "processor": ratios[1]}


if __name__ == "__main__":
    main()
