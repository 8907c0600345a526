"""All estimators at all points of a study, a row each, in a file that a stopped study goes on with."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mine_lightning.claim import claim
from mine_lightning.errors import InputError
from mine_lightning.studies.estimators import Estimator
from mine_lightning.studies.study import Point, Row, Study

__all__ = ["read_rows", "run"]

_TYPES = (str, float, int, int, float, str, float, float, float)  # of a row's cells


def run(
    study: Study,
    estimators: Mapping[str, Estimator],
    path: Path,
    seed: int,
    tell: Callable[[Row, int, int], None] | None = None,
) -> list[Row]:
    """Return a row for each point and estimator; those that the file has are not computed again.

    The pairs of a point are set by the seed, the data set's number and the point's place in the study: every estimator
    gets the same ones.

    Args:
        study: the points.
        estimators: by the name that rows and figures give them.
        path: the CSV file.
        seed: of the pairs, and of what is random in the estimators.
        tell: called with each new row, how many there are, and how many there will be.

    Raises:
        InputError: if the file has rows of another study, or another process fills it. Rows that another seed or
            other settings of an estimator made are not told: a folder has its config for that.
    """
    with claim(path.with_name(f".{path.name}.lock"), f"the study in {path.parent}"):
        return _run(study, estimators, path, seed, tell)


def _run(
    study: Study,
    estimators: Mapping[str, Estimator],
    path: Path,
    seed: int,
    tell: Callable[[Row, int, int], None] | None,
) -> list[Row]:
    points = list(study.points())
    total = len(points) * len(estimators)
    rows = read_rows(path)
    done = {_place(row): row for row in rows}
    known = {(p.panel, p.at, p.dataset, name): p for p in points for name in estimators}
    if not done.keys() <= known.keys() or not all(_is_of(row, known[place]) for place, row in done.items()):
        raise InputError(f"Expected rows of this study in {path} but it has others; give it a folder of its own.")
    for number, point in enumerate(points):
        missing = [name for name in estimators if (point.panel, point.at, point.dataset, name) not in done]
        if not missing:
            continue
        pair_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        x, z = point.distribution.sample(point.n, pair_seed)
        for name in missing:
            began = time.perf_counter()
            reading = estimators[name](x, z, seed)
            row = _row(point, name, reading.nats, reading.stderr, time.perf_counter() - began)
            _append(path, row)
            rows.append(row)
            if tell is not None:
                tell(row, len(rows), total)
    return rows


def _place(row: Row) -> tuple[str, float, int, str]:
    return row.panel, row.at, row.dataset, row.estimator


def _is_of(row: Row, point: Point) -> bool:
    return row.n == point.n and math.isclose(row.truth, point.distribution.mi, rel_tol=1e-6, abs_tol=1e-9)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, none where there is no file; a last line that a kill cut short does not count.

    Raises:
        InputError: for a line that is no row.
    """
    if not path.is_file():
        return []
    content = path.read_bytes()  # a kill may cut within a letter
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        part = path.with_name(path.name + ".part")
        part.write_bytes(whole)
        part.replace(path)  # in one step: a kill leaves the old file or the new one
    lines = list(csv.reader(whole.decode("utf-8").splitlines()))
    rows: dict[tuple[Any, ...], Row] = {}
    for number, line in enumerate(lines[1:], 2):
        try:
            row = Row(*(read(cell) for read, cell in zip(_TYPES, line, strict=True)))
        except ValueError as error:
            raise InputError(
                f"Expected a row of a study in line {number} of {path} but it can't be read ({error}); delete the "
                "line, it is computed again."
            ) from error
        rows.setdefault(_place(row), row)
    return list(rows.values())


def _row(point: Point, estimator: str, nats: float, stderr: float, seconds: float) -> Row:
    return Row(
        point.panel, point.at, point.n, point.dataset, point.distribution.mi, estimator, nats, stderr, round(seconds, 2)
    )


def _append(path: Path, row: Row) -> None:
    new = not path.is_file() or path.stat().st_size == 0
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(Row._fields)
        writer.writerow(row)
