"""``metrics.csv``: everything that was logged, one row a step; a resumed run goes on in the same file."""

from __future__ import annotations

import csv
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch import Tensor

__all__ = ["MetricsCSV", "read_metrics", "read_numbers"]


class MetricsCSV(Logger):
    """Logs to one CSV file, ``step`` (training batches) first.

    Lightning's own CSVLogger deletes the file of a run that it resumes; this one keeps the rows up to the checkpoint.

    Args:
        path: the file.
        keep_until: drop rows of later steps that an earlier, killed run left; None keeps all.
        batches: makes training batches of the steps that it is given; None where they are.
    """

    def __init__(self, path: Path, keep_until: int | None = None, batches: Callable[[int], int] | None = None) -> None:
        super().__init__()
        self.path = path
        self._keep_until = keep_until
        self._batches = batches
        self._columns: list[str] = ["step"]
        self._rows: list[dict[str, Any]] = []
        self._opened = False

    @property
    def name(self) -> str:
        """Of a folder beside the file, where a ``ModelCheckpoint`` that is told no folder puts its own."""
        return "callbacks"

    @property
    def version(self) -> str:
        """Nothing tells two of them apart but their folder."""
        return ""

    @property
    def save_dir(self) -> str:
        """The file's folder."""
        return str(self.path.parent)

    @property
    @rank_zero_experiment
    def experiment(self) -> Path:
        """The file."""
        return self.path

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Hyperparameters are in ``config.yaml``."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        row = {key: value.item() if isinstance(value, Tensor) else value for key, value in metrics.items()}
        if step is not None and self._batches is not None:
            step = self._batches(step)
        last = self._rows[-1] if self._rows else None
        if last is not None and last["step"] == step and not row.keys() & last.keys():
            last.update(row)  # of another callback, not written yet
        else:
            self._rows.append({"step": step, **row})

    @rank_zero_only
    def save(self) -> None:
        """Append what has come; rewrite the file where a column is new."""
        if not self._rows:
            return
        if self._opened and all(key in self._columns for row in self._rows for key in row):
            self._write(self.path, "a", self._rows)
        else:
            rows = [*self._read(), *self._rows]
            self._columns = list(dict.fromkeys(key for row in [dict.fromkeys(self._columns), *rows] for key in row))
            part = self.path.with_name(self.path.name + ".part")
            self._write(part, "w", rows)
            part.replace(self.path)
        self._opened = True
        self._rows = []

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.save()

    def _read(self) -> list[dict[str, Any]]:
        rows = read_metrics(self.path)
        if self._keep_until is None or self._opened:
            return rows
        return [row for row in rows if (row.get("step") or "").isdigit() and int(row["step"]) < self._keep_until]

    def _write(self, path: Path, mode: str, rows: list[dict[str, Any]]) -> None:
        with path.open(mode, newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")
            if mode == "w":
                writer.writeheader()
            writer.writerows(rows)


def read_numbers(path: Path) -> list[tuple[int, dict[str, float]]]:
    """Return of each row of a ``metrics.csv`` the batches trained and its numbers; what is none is left out."""
    rows = []
    for row in read_metrics(path):
        if (row.get("step") or "").isdigit():
            numbers = {}
            for key, text in row.items():
                if key not in ("step", "epoch") and text:
                    with suppress(ValueError):  # a host may log True
                        numbers[key] = float(text)
            rows.append((int(row["step"]) + 1, numbers))
    return rows


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.csv``, none where there is no file; a last row that a kill cut off is left out."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))
