"""Several runs on one page: the same charts, each with a curve for every run, and what their configs differ in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from mine_lightning.errors import InputError
from mine_lightning.published import Published, published_row
from mine_lightning.runs.record import RunRecord
from mine_lightning.views import page
from mine_lightning.views.charts import charts_of, draw
from mine_lightning.views.line_chart import Curve
from mine_lightning.views.mode_map import mode_key, mode_map

__all__ = ["comparison"]


def comparison(runs: Sequence[RunRecord]) -> str:
    """Return the page of several runs, in their order, as HTML."""
    names = _names(runs)
    shown = list(dict.fromkeys(title for run in runs for title in run.pictures))
    modes = [(name, run) for name, run in zip(names, runs, strict=True) if run.modes]
    title = f"{len(runs)} runs"
    parts = [
        page.heading(title),
        page.section("Results", _results(names, runs)),
        page.section("Curves", page.grid(_charts(names, runs))),
        *(page.section(f"{shows.capitalize()} of the last evaluation", _last(shows, names, runs)) for shows in shown),
        page.section(
            "Modes of the last evaluation", f"<p>{mode_key()}</p>", page.grid(_last_modes(*entry) for entry in modes)
        )
        if modes
        else "",
        page.section("More", *_more(names, runs)),
    ]
    return page.page(title, parts)


def _more(names: Sequence[str], runs: Sequence[RunRecord]) -> list[str]:
    differing = _differences(runs)
    folders = [(name, str(run.path)) for name, run in zip(names, runs, strict=True)]
    parts = [page.folded("What their configs differ in", page.table(("key", *names), differing))] if differing else []
    return [*parts, page.folded("Folders", page.table(("run", "folder"), folders, long=1))]


def _names(runs: Sequence[RunRecord]) -> list[str]:
    """Return what each run is called, as short as tells them apart."""
    identities = [run.identity for run in runs]
    keys = ("experiment", "protocol", "dataset", "seed")
    differing = [key for key in keys if len({str(identity[key]) for identity in identities}) > 1] or ["experiment"]
    words = [", ".join(f"seed {i[k]}" if k == "seed" else str(i[k]) for k in differing) for i in identities]
    return [
        word if words.count(word) == 1 else f"{word} ({run.path.name})" for word, run in zip(words, runs, strict=True)
    ]


def _results(names: Sequence[str], runs: Sequence[RunRecord]) -> str:
    """Return a table: a row for each run, a column for each metric, published values under their system."""
    keys = list(dict.fromkeys(key for run in runs for key in _metrics(run) if not key.startswith("floor_")))
    rows = []
    for name, run in zip(names, runs, strict=True):
        metrics = _metrics(run)
        state = f"{run.steps:,}" + ("" if run.summary else ", not finished")
        rows.append([name, *(f"{metrics[key]:g}" if key in metrics else "" for key in keys), state])
    for row in _published(runs):
        told = f"published: {row.system}, {row.source}"
        rows.append([told, *(str(row.metrics.get(metric, "")) for metric in keys), ""])
    floors = {
        run.identity["dataset"]: run for run in reversed(runs) if any(k.startswith("floor_") for k in _metrics(run))
    }
    for dataset, run in floors.items():
        cells = [_metrics(run).get(f"floor_{key}") for key in keys]
        rows.append([f"perfect generator, {dataset}", *("" if cell is None else f"{cell:g}" for cell in cells), ""])
    return page.table(("run", *keys, "steps"), rows)


def _metrics(run: RunRecord) -> dict[str, float]:
    """Return the result, or of a run that goes on the last evaluation."""
    if run.summary is not None:
        return run.summary["metrics"]
    return {key.removeprefix("val/"): points[-1][1] for key, points in run.curves.items() if key.startswith("val/")}


def _published(runs: Sequence[RunRecord]) -> list[Published]:
    rows = (published_row(run.identity["experiment"], run.identity["protocol"]) for run in runs)
    return list({(row.system, row.source): row for row in rows if row is not None}.values())


def _charts(names: Sequence[str], runs: Sequence[RunRecord]) -> Iterable[str]:
    keys = list(dict.fromkeys(key for run in runs for key in run.curves))
    for chart, labels in charts_of(keys):
        for key, label in labels.items():
            # one chart for each number: a run keeps its colour through the page
            curves = [
                Curve(name, run.curves[key], hue)
                for hue, (name, run) in enumerate(zip(names, runs, strict=True))
                if key in run.curves
            ]
            yield draw(chart, curves, {}, chart.title if len(labels) == 1 else f"{chart.title}: {label}")


def _last(shows: str, names: Sequence[str], runs: Sequence[RunRecord]) -> str:
    """Return each run's last picture of a kind, where it has any."""
    figures = []
    for name, run in zip(names, runs, strict=True):
        if shows in run.pictures:
            step, path = list(run.pictures[shows].items())[-1]
            figures.append(page.figure(name, page.png(path, f"{shows} of {name} at step {step}"), f"step {step:,}"))
    return page.grid(figures)


def _last_modes(name: str, run: RunRecord) -> str:
    step = list(run.modes)[-1]
    return mode_map(f"{name}, step {step:,}", run.modes[step])


def _differences(runs: Sequence[RunRecord]) -> list[list[str]]:
    """Return the keys of the configs that not all runs share, with each run's value."""
    flat = [dict(_flat(_config(run))) for run in runs]
    keys = list(dict.fromkeys(key for config in flat for key in config if key not in ("output", "seed_everything")))
    rows = [[key, *(_short(config.get(key, "")) for config in flat)] for key in keys]
    return [row for row in rows if len(set(row[1:])) > 1]


def _config(run: RunRecord) -> Any:
    try:
        return yaml.safe_load(run.config) or {}
    except yaml.YAMLError as error:
        raise InputError(
            f"Expected YAML in {run.path / 'config.yaml'} but it is damaged; leave the run out."
        ) from error


def _flat(node: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flat(value, prefix if key == "init_args" else f"{prefix}.{key}".lstrip("."))
    else:
        yield prefix, node


def _short(value: Any) -> str:
    text = str(value)
    return text.rpartition(".")[2] if text.startswith("mine_lightning.") else text
