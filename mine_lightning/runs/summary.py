"""``summary.json``: the result of a finished run, complete enough to stand in ``results/``."""

from __future__ import annotations

import math
import resource
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mine_lightning.runs.csv_log import read_numbers
from mine_lightning.runs.machine import commit, hardware, versions

__all__ = ["curve", "mean_and_stderr", "summarise"]


def summarise(
    identity: dict[str, Any],
    steps: int,
    metrics: dict[str, float],
    evaluations: list[dict[str, float]],
    wall_time: float,
    precision: str,
    judge_accuracy: float | None = None,
    machine: str | None = None,
) -> dict[str, Any]:
    """Return what ``summary.json`` holds.

    Args:
        identity: experiment, protocol, dataset, seed and config_hash, as ``run.json`` has them.
        steps: training batches, which are generator steps for a GAN.
        metrics: of the last checkpoint, on test samples.
        evaluations: the metrics of each validation, by step; see :func:`curve`.
        wall_time: seconds, over all sessions of the run.
        precision: Lightning's name for it.
        judge_accuracy: test accuracy of the judge that the metrics rest on, where there is one.
        machine: the hardware that it ran on, in words; this machine by default.
    """
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {
        **{key: identity[key] for key in ("experiment", "protocol", "dataset", "seed")},
        "steps": steps,
        "metrics": {key: _rounded(key, value) for key, value in metrics.items()},
        "evaluations": evaluations,
        "judge_accuracy": judge_accuracy,
        "config_hash": identity["config_hash"],
        "wall_time_s": round(wall_time, 1),
        "peak_memory_mb": round(kibibytes / 1024),
        "hardware": machine or hardware(),
        "precision": precision,
        "versions": versions(),
        "commit": identity.get("commit") or commit(),  # that of its start: the files may have changed since
    }


def curve(path: Path) -> list[dict[str, float]]:
    """Return the validations in ``metrics.csv``, oldest first: the batches trained and every ``val/`` metric."""
    points = []
    for step, numbers in read_numbers(path):
        values = {key.removeprefix("val/"): value for key, value in numbers.items() if key.startswith("val/")}
        if values:
            points.append({"step": step, **{k: _rounded(k, v) for k, v in values.items()}})
    return points


def mean_and_stderr(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and its standard error: NaN where a value is not finite, None of a single value."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return mean, None
    # statistics.stdev ends in an AttributeError there
    finite = all(map(math.isfinite, values))
    return mean, statistics.stdev(values) / len(values) ** 0.5 if finite else math.nan


def _rounded(key: str, value: float) -> float | int:
    value = float(value)
    if key.endswith("modes") and math.isfinite(value):
        return int(value)
    # four decimals of a small value would be no digits of it
    return round(value, 4) if abs(value) >= 0.1 else float(f"{value:.4g}")
