"""A study from the command line: ``python train.py --config mi_gaussian_2d``."""

from __future__ import annotations

import copy
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonargparse

from mine_lightning.cli.build import told
from mine_lightning.cli.checks import check_classes, check_run, known
from mine_lightning.cli.configs import config_hash, load
from mine_lightning.cli.edits import fingerprint, mark_edits
from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder, write_whole
from mine_lightning.runs.machine import commit, hardware, versions
from mine_lightning.runs.summary import mean_and_stderr
from mine_lightning.studies import Estimator, Study
from mine_lightning.studies import run as run_study
from mine_lightning.types import Row
from mine_lightning.views.study_page import study_page
from mine_lightning.views.terminal import table

__all__ = ["identify", "is_one", "resolved", "resume", "start"]

KEYS = ("seed_everything", "output", "protocol", "study", "estimators")
DATASET = "drawn"  # from a distribution, by the seed


@dataclass(frozen=True)
class Parts:
    """What a study's config describes, built, and the config with all defaults filled in."""

    study: Study
    estimators: dict[str, Estimator]
    plain: dict[str, Any]


def is_one(config: dict[str, Any]) -> bool:
    """Return whether a config asks for a study, not for a training."""
    return "study" in config


def resolved(config: dict[str, Any]) -> dict[str, Any]:
    """Return a study's config with all defaults filled in, as plain data.

    Raises:
        InputError: for a name or a value in it that does not fit.
    """
    return _build(config).plain


def identify(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """Return what tells a study from other runs: experiment, protocol, dataset, seed and config_hash.

    Raises:
        InputError: for a name or a value in the config that does not fit.
    """
    return _identity(config, _build(config), experiment)


def start(config: dict[str, Any], experiment: str) -> RunFolder:
    """Run a study from its beginning and return its folder.

    Raises:
        InputError: for a name or a value in the config that does not fit, or a folder that can't be written.
    """
    parts = _build(config)
    identity = _identity(config, parts, experiment)
    named = (identity[key] for key in ("experiment", "protocol", "dataset", "seed"))
    folder = RunFolder.create(config.get("output", "runs"), *named)
    for unused in ("checkpoints", "samples"):
        (folder.path / unused).rmdir()
    folder.write_identity(**identity, commit=commit(), fingerprint=fingerprint(parts.plain))
    folder.write_config(parts.plain)
    folder.rows.touch()  # from here on there is something to go on from
    with folder.claimed():
        return _run(folder, parts)


def resume(folder: RunFolder) -> RunFolder:
    """Go on with a stopped study."""
    with folder.claimed():
        return _run(folder, _build(load(folder.config_file)))


def _identity(config: dict[str, Any], parts: Parts, experiment: str) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "protocol": config.get("protocol", "default"),
        "dataset": DATASET,
        "seed": config.get("seed_everything", 0),
        "config_hash": config_hash(config, parts.plain),
    }


def _build(config: dict[str, Any]) -> Parts:
    config = copy.deepcopy(config)
    known(config, KEYS, "the config")
    check_run(config)
    estimators = config.get("estimators")
    if not isinstance(estimators, dict) or not estimators:
        raise InputError(f"Expected estimators to be named but got {estimators!r}; give each a class_path.")
    for where, node in [("study", config["study"]), *((f"estimators.{name}", one) for name, one in estimators.items())]:
        if not isinstance(node, dict) or "class_path" not in node:
            raise InputError(
                f"Expected {where} to have a class_path but got {node!r}; see configs/mi_gaussian_2d.yaml."
            )
        check_classes(node, where)
    parser = _parser()
    try:
        resolved = parser.parse_object(config)
        built = parser.instantiate_classes(resolved)
    except (jsonargparse.ArgumentError, TypeError, ValueError, AttributeError) as error:
        raise InputError(told(str(error))) from error
    import yaml

    plain = yaml.safe_load(parser.dump(resolved, skip_check=True, skip_none=False))
    return Parts(built.study, dict(built.estimators), plain)


def _parser() -> jsonargparse.ArgumentParser:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--seed_everything", type=int, default=0)
    parser.add_argument("--output", type=str, default="runs")
    parser.add_argument("--protocol", type=str, default="default")
    parser.add_argument("--study", type=Study, required=True)
    parser.add_argument("--estimators", type=dict[str, Estimator], required=True)
    return parser


def _run(folder: RunFolder, parts: Parts) -> RunFolder:
    began = time.perf_counter()
    identity = folder.identity
    print(f"study        {identity['experiment']} ({identity['protocol']}), seed {identity['seed']}")
    print(f"hardware     {hardware()}")
    print(f"run folder   {folder.path}", flush=True)
    try:
        rows = run_study(parts.study, parts.estimators, folder.rows, identity["seed"], _tell)
    except InputError:
        raise
    except BaseException:
        print(
            f"The study stopped. Go on with: python train.py --resume {shlex.quote(str(folder.path))}", file=sys.stderr
        )
        raise
    mark_edits(folder)  # here, as rows of another study were refused
    identity = folder.identity
    picture = _picture(parts.study, rows, folder.path)
    metrics = _errors(rows)
    summary = {
        **{key: identity[key] for key in ("experiment", "protocol", "dataset", "seed")},
        "metrics": metrics,
        "points": _points(rows),
        "config_hash": identity["config_hash"],
        # of the estimators, over all processes that took part
        "wall_time_s": round(sum(row.seconds for row in rows), 1),
        "hardware": hardware(),
        "versions": versions(),
        "commit": identity.get("commit") or commit(),
    }
    folder.write_summary(summary)
    write_whole(folder.report, study_page(folder, summary))
    title = f"{identity['experiment']}, seed {identity['seed']}, over {len(rows) // len(metrics)} data sets, in nats"
    lines: list[tuple[str, ...]] = [(name, f"{error:.3f}") for name, error in metrics.items()]
    print("\n" + table(title, lines, ("estimator", "mean absolute error")))
    print(f"\n{folder.path}\n  report.html    (the study on one page, for any browser)")
    print(f"  summary.json, rows.csv{picture}; {time.perf_counter() - began:.0f} s")
    return folder


def _tell(row: Row, number: int, total: int) -> None:
    place = f"{row.panel}, {row.at:g}, data set {row.dataset}"
    print(
        f"[{number}/{total}] {place:<44} {row.estimator:<12} {row.nats:7.3f} of {row.truth:.3f} nats, "
        f"{row.seconds:.1f} s",
        flush=True,
    )


def _errors(rows: Sequence[Row]) -> dict[str, float]:
    """Return each estimator's mean absolute error in nats."""
    names = dict.fromkeys(row.estimator for row in rows)
    return {
        name: round(statistics.mean(abs(row.nats - row.truth) for row in rows if row.estimator == name), 4)
        for name in names
    }


def _points(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return a point of the figure each: the truth, and each estimator's mean and standard error over data sets."""
    points = []
    for panel, at in dict.fromkeys((row.panel, row.at) for row in rows):
        own = [row for row in rows if (row.panel, row.at) == (panel, at)]
        point: dict[str, Any] = {"panel": panel, "at": at, "n": own[0].n, "truth": round(own[0].truth, 4)}
        for name in dict.fromkeys(row.estimator for row in own):
            values = [row.nats for row in own if row.estimator == name]
            point[name] = [None if number is None else round(number, 4) for number in mean_and_stderr(values)]
        points.append(point)
    return points


def _picture(study: Study, rows: Sequence[Row], path: Path) -> str:
    """Draw the figure, where matplotlib is installed, and return what to add to the list of files."""
    try:
        study.plot(rows).savefig(path / "figure.png")
    except InputError:
        return " (and figure.png, once matplotlib is installed)"
    return ", figure.png"
