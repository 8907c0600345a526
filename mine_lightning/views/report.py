"""``report.html``: a run on one page, which needs nothing beside itself."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Any, TypeVar, final

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_only, rank_zero_warn

from mine_lightning.published import published_row
from mine_lightning.runs.folder import RunFolder, write_whole
from mine_lightning.runs.record import RunRecord
from mine_lightning.views import page
from mine_lightning.views.charts import charts_of, draw
from mine_lightning.views.line_chart import Curve
from mine_lightning.views.mode_map import mode_key, mode_map

__all__ = ["RESULT_HEADER", "Report", "name_of", "report", "result_rows", "some", "write_report"]

RESULT_HEADER = ("metric", "this run", "perfect generator", "published")  # of result_rows

MOST_PICTURES = 8
_T = TypeVar("_T")


@final
class Report(Callback):
    """Writes the page anew after each evaluation.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        try:
            write_report(self.folder)
        except Exception as error:  # a training is worth more than its page
            rank_zero_warn(f"Expected to write {self.folder.report} but that fails ({error}); the training goes on.")


@rank_zero_only
def write_report(folder: RunFolder) -> None:
    """Write a run's page from what its folder holds now."""
    write_whole(folder.report, report(RunRecord.read(folder.path)))


def report(run: RunRecord) -> str:
    """Return the page of a run, finished or not, as HTML."""
    parts = [
        page.heading(name_of(run)),
        page.lead(_circumstances(run)),
        page.section("Result", *_result(run)),
        page.warnings(run.warnings),
        page.section("Curves", page.grid(_charts(run))) if run.curves else "",
        *(page.section(title.capitalize(), page.grid(_pictures(run, title))) for title in run.pictures),
        page.section("Modes", *_modes(run)) if run.modes else "",
        page.section("More", *_more(run)),
    ]
    return page.page(name_of(run), parts)


def name_of(run: RunRecord) -> str:
    """Return what a run is, in words."""
    identity = run.identity
    return f"{identity['experiment']}, {identity['protocol']}, on {identity['dataset']}, seed {identity['seed']}"


def result_rows(summary: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return rows of metric, this run's value, a perfect generator's and the published one, empty where none is."""
    metrics = summary["metrics"]
    row = published_row(summary["experiment"], summary["protocol"])
    beside = {} if row is None else row.metrics
    return [
        (
            name,
            f"{value:g}",
            f"{metrics[f'floor_{name}']:g}" if f"floor_{name}" in metrics else "",
            str(beside.get(name, "")),
        )
        for name, value in metrics.items()
        if not name.startswith("floor_")
    ]


def _circumstances(run: RunRecord) -> list[str]:
    if run.summary is None:
        return [f"Not finished: what the folder held after step {run.steps:,}."]
    s = run.summary
    told = [f"{s['steps']:,} steps", f"{s['wall_time_s'] / 60:.1f} minutes", f"{s['hardware']}, {s['precision']}"]
    if s.get("judge_accuracy") is not None:
        told.append(f"a judge that is right on {s['judge_accuracy']:.2%} of the test digits")
    return [*told, f"commit {(s['commit'] or 'unknown')[:10]}", f"config {s['config_hash']}"]


def _result(run: RunRecord) -> list[str]:
    if run.summary is None:
        last = [(key, f"{points[-1][1]:g}") for key, points in run.curves.items() if key.startswith("val/")]
        return [page.table(("metric", "last evaluation"), last)] if last else ["<p>No evaluation yet.</p>"]
    row = published_row(run.identity["experiment"], run.identity["protocol"])
    source = (
        [] if row is None else [f'<p class="faint">Published: {escape(row.system)}, {row.source}; {row.certainty}.</p>']
    )
    held_out = "; mi on pairs of the last validation" if "mi" in run.summary["metrics"] else ""
    note = f'<p class="faint">Of the last checkpoint, on test samples{held_out}.</p>'
    return [page.table(RESULT_HEADER, result_rows(run.summary)), note, *source]


def _levels(run: RunRecord, metric: str) -> dict[str, float]:
    """Return the values that a metric is compared with, by what they are called."""
    row = published_row(run.identity["experiment"], run.identity["protocol"])
    found = {} if row is None or metric not in row.metrics else {"published": row.metrics[metric].value}
    floor = (run.summary or {"metrics": {}})["metrics"].get(f"floor_{metric}")
    return found | ({} if floor is None else {"perfect generator": floor})


def _charts(run: RunRecord) -> Iterable[str]:
    for chart, names in charts_of(list(run.curves)):
        curves = [Curve(label, run.curves[name]) for name, label in names.items()]
        yield draw(chart, curves, _levels(run, chart.metric))


def _pictures(run: RunRecord, title: str) -> list[str]:
    found = run.pictures[title]
    return [
        page.figure(f"Step {step:,}", page.png(found[step], f"{title} at step {step}"), _score(run, step))
        for step in some(list(found))
    ]


def _score(run: RunRecord, step: int) -> str:
    """Return the metrics of an evaluation, in words."""
    found = []
    for key, points in run.curves.items():
        if key.startswith("val/") and not key.endswith("_stderr"):
            found += [f"{key.removeprefix('val/')} {value:.4g}" for at, value in points if at == step]
    return escape(", ".join(found))


def _modes(run: RunRecord) -> list[str]:
    steps = list(run.modes)
    last = steps[-1]
    where = (
        "One block for each digit of the first channel; in it the second channel's digit downwards, the third's to the "
        "right. "
        if len(run.modes[last]) == 1000
        else ""
    )
    words = f"{where}Under the pointer a square tells its number. In shares of what an even spread would give:"
    earlier = [mode_map(f"Step {step:,}", run.modes[step]) for step in some(steps[:-1])]
    return [
        f"<p>{words}</p><p>{mode_key()}</p>",
        mode_map(f"Samples per mode, step {last:,}", run.modes[last], told=True),
        "<p></p>" + page.grid(earlier, small=True) if earlier else "",
    ]


def _more(run: RunRecord) -> list[str]:
    names = [key for key in run.curves if key.startswith("val/")]
    steps = sorted({step for name in names for step, _ in run.curves[name]})
    values = {name: dict(run.curves[name]) for name in names}
    rows = [[f"{step:,}", *(_cell(values[name].get(step)) for name in names)] for step in steps]
    parts = [page.folded("All evaluations", page.table(("step", *names), rows))] if rows else []
    return parts + page.origin(run.config, (run.summary or {"versions": {}})["versions"])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def some(steps: list[_T]) -> list[_T]:
    """Return at most eight, evenly, the first and the last among them."""
    if len(steps) <= MOST_PICTURES:
        return steps
    return [steps[math.floor(k * (len(steps) - 1) / (MOST_PICTURES - 1))] for k in range(MOST_PICTURES)]
