"""Finished runs, one JSON each, at their place in ``results/``, and the tables that are made from them."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import statistics
from pathlib import Path
from typing import Any

from mine_lightning.cli.main import shipped_hash
from mine_lightning.errors import InputError
from mine_lightning.runs.folder import EDITED, read_summary, write_whole

__all__ = ["RESULTS", "keep", "load", "main_table", "mode_table", "place"]

RESULTS = Path(__file__).parents[2] / "results"


def place(summary: dict[str, Any], root: Path = RESULTS) -> Path:
    """Return where a run's summary belongs: ``results/EXPERIMENT/PROTOCOL-DATASET-seedK.json``."""
    name = f"{summary['protocol']}-{summary['dataset']}-seed{summary['seed']}.json"
    return root / summary["experiment"] / name


def keep(run: Path, root: Path = RESULTS, replace: bool = False) -> Path:
    """Copy a finished run's summary into ``results/`` and return its place; of a study's first seed the figure too.

    Args:
        run: its folder.
        root: the folder of results.
        replace: whether what was kept there may be of another config.

    Raises:
        InputError: if there is no run or it has not finished, if its config was edited on the way, if a run of another
            config has its place or another seed's beside it, or if it is named as an experiment and a protocol of this
            repository but was not so run.
    """
    source = run / "summary.json"
    if not run.is_dir():
        raise InputError(f"Expected a run folder but there is none at {run}; name one of those under runs/.")
    if (run / "estimate.json").is_file():
        raise InputError(f"Expected a run but {run} has an estimate of data of your own; no table has a place for it.")
    if not source.is_file():
        raise InputError(
            f"Expected a finished run in {run} but it has no summary.json; "
            f"finish it with `python train.py --resume {shlex.quote(str(run))}`."
        )
    summary = read_summary(source)
    if str(summary.get("config_hash")).endswith(EDITED):
        raise InputError(
            f"Expected a run of one config but the config.yaml of {run} was edited before it had finished; "
            "run the config that it has now from the start."
        )
    target = place(summary, root)
    row = sorted(target.parent.glob(f"{summary['protocol']}-{summary['dataset']}-seed*.json"))
    if not replace:
        for other in row:  # a row of RESULTS.md is their mean
            _check_same(other, summary, run)
        _check_shipped(summary, run)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, source.read_text(encoding="utf-8"))
    first = min([_kept(path)["seed"] for path in row], default=summary["seed"])
    if (run / "figure.png").is_file() and summary["protocol"] == "default" and summary["seed"] <= first:
        picture = root / "pictures" / f"{target.parent.name}.png"  # of a study: RESULTS.md shows it
        picture.parent.mkdir(exist_ok=True)
        part = shutil.copyfile(run / "figure.png", picture.with_name(picture.name + ".part"))
        part.replace(picture)
    return target


def _check_same(target: Path, summary: dict[str, Any], run: Path) -> None:
    """Refuse to lose a kept result: an override is in the config_hash of a run but not in the name of its file."""
    kept, new = _kept(target).get("config_hash"), summary.get("config_hash")
    if kept != new:
        raise InputError(
            f"Expected a run with the config_hash {kept} of {target} but {run} has {new}; give --replace if it shall "
            "take that place, or write its overrides into a protocol overlay, which gives it a file of its own."
        )


def _check_shipped(summary: dict[str, Any], run: Path) -> None:
    """Refuse what was overridden: its row is called after the experiment and the protocol as they are in configs/."""
    named, new = shipped_hash(summary["experiment"], summary["protocol"]), summary.get("config_hash")
    if named not in (None, new):
        raise InputError(
            f"Expected a run of {summary['experiment']} ({summary['protocol']}) as it is in configs/, config_hash "
            f"{named}, but {run} has {new}: an override or a second overlay was given, or the config has changed "
            "since; run it as it is, or with --protocol NAME, or give --replace."
        )


def load(root: Path = RESULTS) -> list[dict[str, Any]]:
    """Return all kept summaries, by path.

    Raises:
        InputError: if one is damaged.
    """
    return [_kept(path) for path in sorted(root.rglob("*.json"))]


def _kept(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        lacking = {"experiment", "protocol", "dataset", "seed"} - set(kept)
        why = f"it has no {', '.join(sorted(lacking))}" if lacking else ""
    except (ValueError, TypeError) as error:
        why = f"it is no JSON of one ({error})"
    if why:
        raise InputError(
            f"Expected a kept result in {path} but {why}; take it from git again, or delete it and keep its run once "
            "more."
        )
    return kept


def mode_table(
    summaries: list[dict[str, Any]], experiments: dict[str, str], dataset: str, protocol: str = "default"
) -> str:
    """Return a Markdown table of modes and KL against generator steps, mean over seeds (and range where they differ).

    Args:
        summaries: kept summaries.
        experiments: experiment's name to how its row is called.
        dataset: the data set that counts.
        protocol: the protocol that counts.
    """
    wanted = [s for s in summaries if s.get("experiment") in experiments]
    kept = [s for s in wanted if (s["dataset"], s["protocol"]) == (dataset, protocol)]
    steps = sorted({point["step"] for s in kept for point in s["evaluations"]})
    lines = [
        "| modes / KL, at step | " + " | ".join(f"{step:,}" for step in steps) + " | test |",
        "| --- |" + " --- |" * (len(steps) + 1),
    ]
    for experiment, title in experiments.items():
        runs = [s for s in kept if s["experiment"] == experiment]
        if not runs:
            continue
        cells = [_cell([point for s in runs for point in s["evaluations"] if point["step"] == step]) for step in steps]
        lines.append(
            f"| {title} ({_seeds(runs)}) | " + " | ".join([*cells, _cell([s["metrics"] for s in runs])]) + " |"
        )
    scored = [s["metrics"] for s in kept if "floor_kl" in s["metrics"]]
    floors = [{"modes": metrics["floor_modes"], "kl": metrics["floor_kl"]} for metrics in scored]
    if floors:
        lines.append("| a perfect generator |" + " |" * len(steps) + f" {_cell(floors)} |")
    return "\n".join(lines)


def _cell(points: list[dict[str, float]]) -> str:
    if not points:
        return ""
    modes, kl = ([point[key] for point in points] for key in ("modes", "kl"))
    half = (max(kl) - min(kl)) / 2 if all(map(math.isfinite, kl)) else math.nan  # max and min pass over a NaN
    spread = f" ± {half:.3f}" if len(kl) > 1 else ""
    return f"{statistics.mean(modes):.0f} / {statistics.mean(kl):.3f}{spread}"


def _seeds(runs: list[dict[str, Any]]) -> str:
    return f"{len(runs)} seed" + ("s" if len(runs) > 1 else "")


def main_table(root: Path = RESULTS) -> str:
    """Return the README's table: GAN+MINE beside the same GAN without the term, on MNIST."""
    rows = {"gan_stacked_mnist": "GAN+MINE", "gan_stacked_mnist_dcgan": "the same without the term"}
    return mode_table(load(root), rows, "mnist")
