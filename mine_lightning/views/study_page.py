"""``report.html`` of a study: its figure, the errors of its estimators and every point on one page."""

from __future__ import annotations

from typing import Any

from mine_lightning.runs.folder import RunFolder
from mine_lightning.views import page

__all__ = ["study_page"]


def study_page(folder: RunFolder, summary: dict[str, Any]) -> str:
    """Return a study's page as HTML.

    Args:
        folder: the run's; its config, and its figure where there is one, are shown.
        summary: what its ``summary.json`` holds.
    """
    title = f"{summary['experiment']}, {summary['protocol']}, seed {summary['seed']}"
    told = [f"{summary['wall_time_s'] / 60:.1f} minutes", summary["hardware"]]
    told += [f"commit {(summary['commit'] or 'unknown')[:10]}", f"config {summary['config_hash']}"]
    errors = [(name, f"{error:.3f}") for name, error in summary["metrics"].items()]
    picture = folder.path / "figure.png"
    drawn = (
        page.figure("", page.png(picture, "the estimators beside the truth", drawn=True))
        if picture.is_file()
        else "<p>Drawn where matplotlib is installed: pip install 'mine_lightning[plot]'.</p>"
    )
    parts = [
        page.heading(title),
        page.lead(told),
        page.section("Result", page.table(("estimator", "mean absolute error, nats"), errors)),
        page.section("Figure", drawn),
        page.section("Every point, nats", _points(summary)),
        page.section("More", *page.origin(folder.config_file.read_text(encoding="utf-8"), summary["versions"])),
    ]
    return page.page(title, parts)


def _points(summary: dict[str, Any]) -> str:
    """Return a table of the truth and each estimator's mean and standard error over data sets."""
    names = list(summary["metrics"])
    rows = [
        (f"{p['panel']}, {p['at']:g}", f"{p['n']:,}", f"{p['truth']:.3f}", *(_value(*p[name]) for name in names))
        for p in summary["points"]
    ]
    return page.table(("", "pairs", "truth", *names), rows)


def _value(mean: float, stderr: float | None) -> str:
    return f"{mean:.3f}" if stderr is None else f"{mean:.3f} ± {stderr:.3f}"
