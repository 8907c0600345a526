"""Figures of a study: estimates beside the truth, or errors against the number of pairs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mine_lightning.errors import InputError
from mine_lightning.types import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["errors_figure", "estimates_figure"]

_MARKERS = "os^Dv"
# from this share of ln n on, what so many pairs can show is part of the picture
_NEAR = 0.6


def estimates_figure(rows: Sequence[Row], x_label: str) -> Figure:
    """Draw each estimator's values, mean and range over the data sets, and the truth as a line; below, how far apart.

    Args:
        rows: at least one.
        x_label: what the axis is.

    Raises:
        InputError: without matplotlib.
    """
    panels = list(dict.fromkeys(row.panel for row in rows))
    figure, (axes, below) = _figure(len(panels), heights=(2, 1))
    axes[0].set_ylabel("I(x; z), nats")
    below[0].set_ylabel("less the truth, nats")
    for panel, part, error in zip(panels, axes, below, strict=True):
        own = [row for row in rows if row.panel == panel]
        truth = sorted({(row.at, row.truth) for row in own})
        part.plot(*zip(*truth, strict=True), color="k", lw=1.5, label="truth", zorder=1)
        _draw_estimators(part, own, lambda row: row.nats)
        _draw_limit(part, own)
        part.set_title(panel)
        error.axhline(0, color="k", lw=1.5, zorder=1)
        _draw_estimators(error, own, lambda row: row.nats - row.truth)
        # hundredths of a nat and tens of them are both to be seen
        error.set_yscale("symlog", linthresh=0.1)
        error.set_xlabel(x_label)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def errors_figure(rows: Sequence[Row], x_label: str) -> Figure:
    """Draw each estimator's absolute error, mean and range over the data sets, on two logarithmic axes.

    Args:
        rows: at least one.
        x_label: what the axis is.

    Raises:
        InputError: without matplotlib.
    """
    panels = list(dict.fromkeys(row.panel for row in rows))
    figure, (axes,) = _figure(len(panels))
    axes[0].set_ylabel("absolute error, nats")
    for panel, part in zip(panels, axes, strict=True):
        own = [row for row in rows if row.panel == panel]
        part.set(xscale="log", yscale="log", title=panel, xlabel=x_label)
        _draw_estimators(part, own, lambda row: abs(row.nats - row.truth))
        first, last = min(row.at for row in own), max(row.at for row in own)
        # a guide to the eye: what the noise of n pairs alone would do
        part.plot([first, last], [first**-0.5, last**-0.5], color="0.6", ls=":", lw=1, label="1/√n")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def _figure(panels: int, heights: Sequence[float] = (1,)) -> tuple[Figure, Any]:
    """Return a figure and its axes, a row for each height."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise InputError(
            "Expected matplotlib for the figure but it is not installed; pip install 'mine_lightning[plot]'."
        ) from error
    figure = Figure(figsize=(max(8, 3.4 * panels), 2.9 + 1.5 * len(heights)), dpi=120, layout="constrained")
    axes = figure.subplots(len(heights), panels, sharex="col", sharey="row", squeeze=False, height_ratios=heights)
    for part in axes.flat:
        part.grid(color="0.93")
        part.set_axisbelow(True)
        part.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _draw_estimators(axes: Axes, rows: Sequence[Row], value: Callable[[Row], float]) -> None:
    names = list(dict.fromkeys(row.estimator for row in rows))
    for number, name in enumerate(names):
        own = [row for row in rows if row.estimator == name]
        places = sorted({row.at for row in own})
        values = [[value(row) for row in own if row.at == at] for at in places]
        # where one is infinite there is a gap, as for NaN
        means = [mean if math.isfinite(mean := statistics.mean(some)) else math.nan for some in values]
        below = [mean - min(some) for mean, some in zip(means, values, strict=True)]
        above = [max(some) - mean for mean, some in zip(means, values, strict=True)]
        style: dict[str, Any] = {"marker": _MARKERS[number % len(_MARKERS)], "ms": 4.5, "lw": 1, "capsize": 2}
        axes.errorbar(places, means, [below, above], label=name, color=f"C{number}", alpha=0.9, zorder=2, **style)


def _draw_limit(axes: Axes, rows: Sequence[Row]) -> None:
    """Mark ln n, above which no lower bound from n pairs can be trusted, where the truth comes near it."""
    limit = math.log(min(row.n for row in rows))
    if max(row.truth for row in rows) > _NEAR * limit:
        axes.axhline(limit, color="0.45", ls=(0, (4, 3)), lw=1, zorder=1, label=f"ln n = {limit:.1f}")
