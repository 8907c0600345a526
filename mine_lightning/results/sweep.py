"""``sweep``: the grid of a W&B sweep file, run here without W&B, each run taken up where it stopped."""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mine_lightning.cli.checks import known
from mine_lightning.cli.configs import load
from mine_lightning.errors import InputError
from mine_lightning.results.campaign import Planned, shared
from mine_lightning.runs.folder import read_summary
from mine_lightning.views.terminal import table

__all__ = ["Sweep", "sweep"]

KEYS = ("program", "method", "metric", "parameters", "command", "name", "description", "project", "entity")
_GOALS = {"minimize": min, "maximize": max}
_PROGRAM, _ARGS = "${program}", "${args}"  # W&B's macros


@dataclass(frozen=True)
class Sweep:
    """A sweep file: what is fixed, what is varied, and what the runs are compared by.

    Attributes:
        fixed: words of every command line, before those of its combination.
        grid: values by parameter, a dotted override of ``train.py``.
        metric: ``test/NAME`` of the test, or ``val/NAME`` of the last evaluation; None compares by all of the test.
        goal: "minimize" or "maximize".
    """

    fixed: tuple[str, ...]
    grid: dict[str, list[Any]]
    metric: str | None
    goal: str

    @classmethod
    def read(cls, path: Path) -> Sweep:
        """Read a sweep file.

        Raises:
            InputError: if it can't be read, or asks for what is no grid over ``train.py``.
        """
        content = load(path)
        known(content, KEYS, str(path))
        if Path(str(content.get("program"))).name != "train.py":
            raise InputError(f"Expected program in {path} to be train.py but got {content.get('program')!r}.")
        if content.get("method") != "grid":
            raise InputError(
                f"Expected method in {path} to be grid but got {content.get('method')!r}; "
                "other methods need W&B: `wandb sweep`."
            )
        metric, goal = _metric(content.get("metric"), path)
        return cls(_fixed(content.get("command"), path), _grid(content.get("parameters"), path), metric, goal)

    @property
    def combinations(self) -> list[dict[str, Any]]:
        """Every combination of values, the last parameter varying fastest."""
        return [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]

    @property
    def varied(self) -> list[str]:
        """The parameters that have more than one value."""
        return [name for name, values in self.grid.items() if len(values) > 1]

    def words(self, combination: dict[str, Any], output: str) -> tuple[str, ...]:
        """Return the command line of one combination, behind ``train.py``."""
        overrides = (word for name, value in combination.items() for word in (f"--{name}", _text(value)))
        return (*self.fixed, *overrides, "--output", output)

    def measures(self, summary: dict[str, Any]) -> dict[str, float]:
        """Return what a run is compared by, from its ``summary.json``.

        Raises:
            InputError: if it does not have the metric.
        """
        last = (summary.get("evaluations") or [{}])[-1]
        found = {f"test/{name}": value for name, value in summary["metrics"].items()}
        if self.metric is None:
            return found
        found |= {f"val/{name}": value for name, value in last.items() if name != "step"}
        if self.metric not in found:
            raise InputError(
                f"Expected a metric that the runs have but the sweep names {self.metric!r}; they have: "
                f"{', '.join(found)}; correct it and give the same command again, what is trained stays."
            )
        return {self.metric: found[self.metric]}


def sweep(words: Sequence[str], train: Callable[[Sequence[str]], int] | None = None) -> None:
    """Train every combination of a sweep file's grid, each in a run folder of its own, and print a table.

    A second such command, on another core or card, takes what the first one leaves.

    Args:
        words: of the command line: the file, and ``--output DIR``, where run folders go.
        train: trains by the words of one command line and returns its exit code; by default in a process of its own.

    Raises:
        InputError: for a file that is no grid, an override that does not exist, or a training that stops.
    """
    asked = _parse(words)
    grid = Sweep.read(Path(asked.file))
    runs = _planned(grid, asked.output)
    rows: dict[int, tuple[dict[str, Any], dict[str, float], Path]] = {}
    for place, planned in shared([planned for _, planned in runs]):
        combination = runs[place][0]
        print(f"[{place + 1}/{len(runs)}] {_name(combination)}", flush=True)
        folder = planned.finish(train)
        summary = read_summary(folder / "summary.json")
        rows[place] = (combination, grid.measures(summary), folder)
    found = [rows[place] for place in sorted(rows)]
    print("\n" + _table(grid, found, f"{asked.file}, {len(found)} runs"))
    if len(found) > 1:
        folders = shlex.join(str(folder) for _, _, folder in found)
        print(f"side by side: python -m mine_lightning.results compare {folders}")


def _planned(grid: Sweep, output: str) -> list[tuple[dict[str, Any], Planned]]:
    runs: list[tuple[dict[str, Any], Planned]] = []
    for combination in grid.combinations:
        planned = Planned.told(grid.words(combination, output))
        for other, before in runs:
            if before.identity == planned.identity:
                raise InputError(
                    f"Expected combinations that compute different things but ({_name(other)}) and "
                    f"({_name(combination)}) are the same run; leave out what does not change it."
                )
        runs.append((combination, planned))
    return runs


def _table(grid: Sweep, rows: Sequence[tuple[dict[str, Any], dict[str, float], Path]], title: str) -> str:
    columns = list(dict.fromkeys(name for _, measures, _ in rows for name in measures))
    best = None
    if grid.metric is not None and len(rows) > 1:
        # min and max pass over a NaN only where it is not the first
        finite = [value for _, measures, _ in rows if math.isfinite(value := measures[grid.metric])]
        best = _GOALS[grid.goal](finite, default=None)
    cells = [
        (
            *(_text(combination[name]) for name in grid.varied),
            *(f"{measures[name]:g}" if name in measures else "" for name in columns),
            "best" if best is not None and measures[columns[0]] == best else "",
            str(folder),
        )
        for combination, measures, folder in rows
    ]
    return table(title, cells, (*grid.varied, *columns, "", "run folder"))


def _metric(metric: Any, path: Path) -> tuple[str | None, str]:
    if metric is None:
        return None, "minimize"
    if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
        raise InputError(f"Expected metric in {path} to have a name and a goal but got {metric!r}.")
    known(metric, ("name", "goal"), f"metric in {path}")
    goal = metric.get("goal", "minimize")
    if not isinstance(goal, str) or goal not in _GOALS:
        raise InputError(f"Expected the metric's goal in {path} to be minimize or maximize but got {goal!r}.")
    if not metric["name"].startswith(("test/", "val/")):
        raise InputError(
            f"Expected the metric in {path} to be named test/... or val/... as it is logged but got {metric['name']!r}."
        )
    return metric["name"], goal


def _grid(parameters: Any, path: Path) -> dict[str, list[Any]]:
    if not isinstance(parameters, dict) or not parameters:
        raise InputError(
            f"Expected parameters in {path} to name overrides of train.py, such as mine.beta, but got {parameters!r}."
        )
    return {str(name): _values(f"{name} in {path}", node) for name, node in parameters.items()}


def _values(where: str, node: Any) -> list[Any]:
    if where.partition(" ")[0] in ("output", "resume", "print_config"):
        raise InputError(f"Expected overrides of a config but got {where}; give --output behind the sweep's file.")
    if not isinstance(node, dict):
        raise InputError(f"Expected {where} to have a value or values but got {node!r}.")
    known(node, ("value", "values"), where)
    if len(node) != 1:
        raise InputError(f"Expected {where} to have either a value or values but got {node!r}.")
    values = [node["value"]] if "value" in node else node["values"]
    if not isinstance(values, list) or not values:
        raise InputError(f"Expected the values of {where} to be a list but got {values!r}.")
    for value in values:
        _check_value(where, value)
    return values


def _check_value(where: str, value: Any) -> None:
    try:
        _text(value)
    except TypeError as error:  # a date, which is one to YAML without quotes
        raise InputError(
            f"Expected a value of {where} that a command line can have but got {value!r}; put it in quotes."
        ) from error


def _fixed(command: Any, path: Path) -> tuple[str, ...]:
    """Return the words that a sweep's command adds to those of its parameters."""
    if command is None:
        return ()
    words = [str(word) for word in command] if isinstance(command, list) else []
    inner = words[words.index(_PROGRAM) + 1 : -1] if _PROGRAM in words else []
    if _PROGRAM not in words or words[-1] != _ARGS or any(word.startswith("${") for word in inner):
        raise InputError(
            f"Expected command in {path} to be ${{env}} ${{interpreter}} {_PROGRAM}, words of train.py and {_ARGS} but "
            f"got {command!r}."
        )
    return tuple(inner)


def _name(combination: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in combination.items())


def _text(value: Any) -> str:
    """Return a value as a word of the command line; JSON is YAML."""
    return value if isinstance(value, str) else json.dumps(value)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m mine_lightning.results sweep", description=sweep.__doc__)
    parser.add_argument("file", metavar="SWEEP.yaml", help="as `wandb sweep` takes it, of the method grid")
    parser.add_argument("--output", default="runs", help="where run folders go")
    return parser.parse_args(words)
