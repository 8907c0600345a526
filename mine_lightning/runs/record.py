"""What a run folder tells, read back: curves, pictures, modes, result, config, warnings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mine_lightning.errors import InputError, expanded
from mine_lightning.runs.csv_log import read_numbers
from mine_lightning.runs.folder import RunFolder, read_summary
from mine_lightning.runs.mode_counts import read_mode_counts
from mine_lightning.runs.warning_log import read_warnings

__all__ = ["RunRecord", "read_curves"]

Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class RunRecord:
    """A run, finished or not, as its folder tells of it.

    Attributes:
        path: the folder.
        identity: experiment, protocol, dataset and seed.
        summary: the result, or None while the run goes on.
        curves: what was logged, by name: (training batches, value), NaN and inf among them.
        pictures: by what they show, samples first where there are any, and by step.
        modes: samples per mode, by step.
        config: the resolved config, as text.
        warnings: what came up, once each.
    """

    path: Path
    identity: dict[str, Any]
    summary: dict[str, Any] | None
    curves: dict[str, Curve]
    pictures: dict[str, dict[int, Path]]
    modes: dict[int, list[int]]
    config: str
    warnings: list[str]

    @classmethod
    def read(cls, path: str | Path) -> RunRecord:
        """Read a run folder.

        Raises:
            InputError: if it is none.
        """
        folder = RunFolder(expanded(path))
        identity = folder.identity if (folder.path / "run.json").is_file() else {}
        if not {"experiment", "protocol", "dataset", "seed"} <= set(identity):
            raise InputError(
                f"Expected a run folder at {path} but it has no run.json that tells what it is; name a folder that "
                "`python train.py --config ...` made."
            )
        if folder.rows.is_file():
            raise InputError(f"Expected the folder of a training but {path} has a study, with a figure of its own.")
        summary = folder.path / "summary.json"
        return cls(
            folder.path,
            identity,
            read_summary(summary) if summary.is_file() else None,
            read_curves(folder.path / "metrics.csv"),
            _pictures(folder.samples),
            read_mode_counts(folder.modes_file),
            folder.config_file.read_text(encoding="utf-8") if folder.config_file.is_file() else "",
            read_warnings(folder.warnings_file),
        )

    @property
    def steps(self) -> int:
        """Training batches, so far."""
        if self.summary is not None and "steps" in self.summary:
            return self.summary["steps"]
        return max((points[-1][0] for points in self.curves.values()), default=0)


def _pictures(folder: Path) -> dict[str, dict[int, Path]]:
    """Return the pictures ``TITLE-step-001500.png``, or ``step-001500.png`` for samples."""
    found: dict[str, dict[int, Path]] = {}
    for path in folder.glob("*.png"):
        named = re.fullmatch(r"(?:(.+)-)?step-(\d+)", path.stem)
        if named:
            found.setdefault(named[1] or "samples", {})[int(named[2])] = path
    ordered = sorted(found.items(), key=lambda entry: (entry[0] != "samples", entry[0]))
    return {title: dict(sorted(pictures.items())) for title, pictures in ordered}  # by number: names have six places


def read_curves(path: Path) -> dict[str, Curve]:
    """Return every column of numbers of a ``metrics.csv`` but ``step`` and ``epoch``, by its name."""
    curves: dict[str, Curve] = {}
    for step, numbers in read_numbers(path):
        for key, number in numbers.items():
            curves.setdefault(key, []).append((step, number))
    return curves
