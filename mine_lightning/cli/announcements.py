"""What a training says in the terminal: at its start, at its end, and how to go on where it stopped."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_info, rank_zero_only

from mine_lightning.cli.build import Parts
from mine_lightning.errors import InputError
from mine_lightning.published import published_row
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.machine import choose_precision, hardware
from mine_lightning.views.report import RESULT_HEADER, result_rows
from mine_lightning.views.terminal import table
from mine_lightning.views.wandb_run import how_to_look

__all__ = ["announce", "finish", "told_how_to_resume"]


@rank_zero_only
def announce(folder: RunFolder, parts: Parts, trainer: Trainer, config: dict[str, Any], steps_done: int | None) -> None:
    """Print what is about to be trained, on what and where; ``steps_done`` of a run that goes on, else None."""
    identity, mine = folder.identity, parts.mine
    print(f"experiment   {identity['experiment']} ({identity['protocol']}), seed {identity['seed']}")
    print(f"data set     {identity['dataset']}")
    beta = "" if mine is None else mine.beta_schedule or f"{mine.beta:g}"
    term = "off" if mine is None else f"{mine.direction} I(x; z), x = {mine.x}, z = {mine.z}, beta {beta}"
    print(f"MINE         {term}")
    if config["trainer"]["precision"] == "auto":
        best, reason = choose_precision(config["trainer"].get("accelerator") or "auto")
        started = identity.get("precision", best)
        why = f"since {reason}" if started == best else "as it was started"
        print(f"precision    {started}, {why}")
    print(f"hardware     {hardware(trainer)}")
    print(f"run folder   {folder.path}" + ("" if steps_done is None else f", going on after step {steps_done:,}"))
    sys.stdout.flush()


@rank_zero_only
def finish(folder: RunFolder, summary: dict[str, Any]) -> None:
    """Print a run's result beside what was published, and where to look at it."""
    title = f"{summary['experiment']} on {summary['dataset']}, seed {summary['seed']}, {summary['steps']:,} steps"
    print("\n" + table(title, result_rows(summary), RESULT_HEADER))
    row = published_row(summary["experiment"], summary["protocol"])
    if row is not None:
        print(f"published: {row.system}, {row.source}; {row.certainty}")
    print(f"\n{folder.path}")
    print("  report.html    (the run on one page, for any browser)")
    print("  summary.json, metrics.csv, samples/, checkpoints/")
    for line in how_to_look(folder):
        print(f"  {line}")


@contextlib.contextmanager
def told_how_to_resume(folder: RunFolder) -> Iterator[None]:
    """Say, where what runs inside stops, by which command the run goes on."""
    try:
        yield
    except BaseException as error:
        if folder.last_checkpoint.is_file():
            rank_zero_info(f"The run stopped. Go on with: python train.py --resume {shlex.quote(str(folder.path))}")
        elif not isinstance(error, InputError):  # its own sentence says what to do
            rank_zero_info("The run stopped before the end of its first epoch: there is nothing to go on from.")
        raise
