"""What logging costs: steps of a job with metrics.csv, W&B (offline), learning rates and norms, and without them.

``python benchmarks/logging_cost.py [--experiment NAME] [--rounds 20] [--steps 50]``. One run, whose logging is switched
off and on: a round is four stretches of as many steps as the interval of logging, off, on, on, off, so that a machine
that grows slower or faster within it favours neither side; each stretch that is on writes once. The answer is the mean
over rounds of time on over time off, with its standard error, for wall time and for processor time; W&B's own process
is in the first alone. The quietest answer is the processor time that the loggers' own calls took, as a share of the
steps. Promised: at most 1.03 times.
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

from mine_lightning.cli import arguments, build
from mine_lightning.cli.main import merged
from mine_lightning.cli.trainings import ready_and_plain
from mine_lightning.runs.csv_log import MetricsCSV
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.learning_rates import LearningRates
from mine_lightning.runs.machine import hardware
from mine_lightning.views.terminal import quiet_lightning
from mine_lightning.views.wandb_run import wandb_logger

ORDER = (False, True, True, False)  # stretches of a round: whether each logs


class Switch(pl.Callback):
    """Switches the Trainer's logging stretch by stretch and keeps each one's wall and processor seconds.

    Args:
        rounds: after which training stops; one more comes first, to warm up, and is not kept.
        steps: of a stretch.
    """

    def __init__(self, rounds: int, steps: int) -> None:
        self.rounds, self.steps = rounds, steps
        self.batches, self.stamps = 0, []

    def on_train_batch_start(self, trainer: pl.Trainer, host: Any, batch: Any, batch_idx: int) -> None:
        stretch, rest = divmod(self.batches, self.steps)
        if rest == 0:
            self.stamps.append((time.perf_counter(), time.process_time()))
            trainer.log_every_n_steps = self.steps if ORDER[stretch % len(ORDER)] else 0  # 0: Lightning logs nothing
        trainer.should_stop = stretch >= len(ORDER) * (self.rounds + 1)
        self.batches += 1

    @property
    def seconds(self) -> np.ndarray:
        """Wall and processor seconds a step, ``[rounds, stretches of a round, 2]``."""
        stretches = np.diff(np.array(self.stamps), axis=0)[: len(ORDER) * (self.rounds + 1)]
        return stretches.reshape(self.rounds + 1, len(ORDER), 2)[1:] / self.steps


class Watch:
    """Adds up the processor seconds of some methods of some objects."""

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


def measured(experiment: str, place: Path, rounds: int, steps: int) -> tuple[np.ndarray, float]:
    """Train the experiment, logging switched off and on.

    Args:
        experiment: whose config.
        place: for its run folder.
        rounds: that are kept.
        steps: of a stretch.

    Returns:
        ``Switch.seconds``, and the processor seconds that the loggers' own calls took in each stretch that logs.
    """
    ready, plain = ready_and_plain(merged(arguments.parse(["--config", experiment, "--trainer.precision", "32-true"])))
    pl.seed_everything(0, verbose=False)
    parts = build.instantiate(ready)
    folder = RunFolder.create(place, experiment, "default", "benchmark", 0)
    folder.write_identity(experiment=experiment, protocol="default", dataset="benchmark", seed=0, config_hash="")
    switch, watch = Switch(rounds, steps), Watch()
    loggers = [MetricsCSV(folder.path / "metrics.csv"), wandb_logger(folder, plain)]
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=-1,
        limit_val_batches=0,
        callbacks=[
            switch,
            watch.over(LearningRates(), "on_train_batch_start"),
            *([] if parts.mine is None else [parts.mine]),
        ],
        logger=[watch.over(logger, "log_metrics", "save") for logger in loggers],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(parts.model, datamodule=parts.data)
    loggers[1].experiment.finish()
    return switch.seconds, watch.seconds / ((rounds + 1) * sum(ORDER))


def main(argv: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", default="gan_stacked_mnist")
    parser.add_argument("--rounds", type=int, default=20, help="at least 2")
    parser.add_argument("--steps", type=int, default=50, help="between two writes; the default is Lightning's")
    asked = parser.parse_args(argv)
    if asked.rounds < 2:
        parser.error(f"expected at least 2 rounds, which a standard error takes, but got {asked.rounds}")
    os.environ["WANDB_MODE"] = "offline"
    quiet_lightning()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds, loggers = measured(asked.experiment, Path(place), asked.rounds, asked.steps)
    logs = np.array(ORDER)
    off, on = seconds[:, ~logs].mean(axis=1), seconds[:, logs].mean(axis=1)  # [rounds, 2]
    print(f"{asked.experiment}, {hardware()}; {asked.rounds} rounds of {len(ORDER)} x {asked.steps} steps")
    print(f"{'':<16}{'wall, ms a step':>18}{'processor, ms':>18}")
    for name, side in (("without", off), ("with logging", on)):
        wall, processor = 1000 * side.mean(axis=0)
        print(f"{name:<16}{wall:>18.2f}{processor:>18.2f}")
    ratio, error = (on / off).mean(axis=0), (on / off).std(axis=0, ddof=1) / asked.rounds**0.5
    cells = [f"{middle:.3f} ± {spread:.3f}" for middle, spread in zip(ratio, error, strict=True)]
    print(f"{'ratio':<16}{cells[0]:>18}{cells[1]:>18}")
    share = loggers / (asked.steps * float(off[:, 1].mean()))
    print(f"{'loggers alone':<34}{1 + share:>18.4f}")
    return {"wall": float(ratio[0]), "processor": float(ratio[1]), "loggers": 1 + share}


if __name__ == "__main__":
    main()
