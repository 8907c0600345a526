"""``modes.csv``: how many samples fell into each mode, one row for each evaluation."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import final

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from mine_lightning.errors import InputError
from mine_lightning.runs.folder import write_whole

__all__ = ["ModeCounts", "mode_counts_of", "read_mode_counts"]


@final
class ModeCounts(Callback):
    """Writes the counts that a scoring callback has after each evaluation as its ``mode_counts``, a tensor ``[modes]``.

    A row is found by its step, so a resumed run writes over what an earlier, killed one left behind its checkpoint.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        counts = mode_counts_of(trainer)
        if counts is None:
            return
        step = trainer.fit_loop.total_batch_idx + 1
        rows = {s: c for s, c in read_mode_counts(self.path).items() if s < step} | {step: counts.tolist()}
        text = io.StringIO()
        csv.writer(text).writerows([["step", *range(len(counts))], *([s, *c] for s, c in rows.items())])
        write_whole(self.path, text.getvalue())


def mode_counts_of(trainer: Trainer) -> Tensor | None:
    """Return samples per mode ``[modes]`` of the last evaluation, or None where no callback counts modes."""
    found = (getattr(callback, "mode_counts", None) for callback in trainer.callbacks)  # type: ignore[attr-defined]
    return next((counts for counts in found if counts is not None), None)


def read_mode_counts(path: Path) -> dict[int, list[int]]:
    """Return samples per mode by step, in training batches; empty where there is no such file.

    Raises:
        InputError: if it is damaged.
    """
    if not path.is_file():
        return {}
    try:
        _, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
        return {int(step): [int(count) for count in counts] for step, *counts in rows}
    except ValueError as error:
        raise InputError(
            f"Expected a step and samples per mode in each row of {path} but it is damaged; delete it, the other files "
            "of the run do without."
        ) from error
