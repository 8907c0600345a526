"""Which logged numbers share a chart: what a report draws of ``metrics.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mine_lightning.views.line_chart import Curve, Level, line_chart

__all__ = ["CHARTS", "Chart", "charts_of", "draw"]

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: with the unit.
        names: patterns of log names to what the legend calls them; ``*`` in the latter is the log name itself.
        log: whether its vertical axis is logarithmic.
        metric: of a summary and of a published row, whose values are levels to compare with; empty for none.
    """

    title: str
    names: Mapping[str, str]
    log: bool = False
    metric: str = ""


CHARTS = (
    Chart("Modes", {"val/modes": "validation"}, metric="modes"),
    Chart("KL to the uniform distribution, nats", {"val/kl": "validation"}, log=True, metric="kl"),
    Chart("Share of high quality", {"val/high_quality": "validation"}, metric="high_quality"),
    Chart("Error on held-out samples, %", {"val/*error_percent": "*"}, metric="test_error_percent"),
    Chart("Reconstruction error", {"val/recon_error": "validation"}, metric="recon_error"),
    Chart("Reconstruction accuracy", {"val/recon_accuracy": "validation"}, metric="recon_accuracy"),
    Chart("MS-SSIM of the pairs", {"val/ms_ssim": "validation"}, metric="ms_ssim"),
    Chart(
        "Mutual information, nats",
        {"mine/mi": "training batch", "val/mi": "held out", "mine/*/mi": "*", "val/*_mi": "*"},
    ),
    Chart("Losses", {"train/loss*": "*", "*/loss*": "*"}),
    Chart(
        "Gradient norms",
        {"mine/g_u": "host (g_u)", "mine/g_m": "term (g_m)", "mine/*/g_u": "*", "mine/*/g_m": "*"},
        log=True,
    ),
    Chart("Clipping factor of the term", {"mine/clip": "factor", "mine/*/clip": "*"}),
    Chart("Learning rates", {"lr": "*", "lr/*": "*", "lr-*": "*"}, log=True),
)

# in the table of results, or no curve of their own
_ELSEWHERE = ("test/*", "*_stderr")


def charts_of(names: Sequence[str]) -> list[tuple[Chart, dict[str, str]]]:
    """Return the charts that such log names fill, with name and legend of each curve; what fits none has its own."""
    left = [name for name in names if not any(fnmatchcase(name, pattern) for pattern in _ELSEWHERE)]
    filled = []
    for chart in CHARTS:
        found = {name: label for name in left if (label := _label(name, chart)) is not None}
        left = [name for name in left if name not in found]
        filled += [(chart, found)] if found else []
    return filled + [(Chart(name, {name: name}), {name: "logged"}) for name in left]


def draw(chart: Chart, curves: Sequence[Curve], levels: Mapping[str, float], title: str = "") -> str:
    """Return a chart as a figure, with levels by what they are called; a title where it is not the chart's."""
    named = [Level(f"{name} {value:g}", value) for name, value in levels.items()]
    return line_chart(title or chart.title, curves, named, chart.log)


def _label(name: str, chart: Chart) -> str | None:
    label = next((label for pattern, label in chart.names.items() if fnmatchcase(name, pattern)), None)
    return name if label == "*" else label
