"""The information plane: where each layer stands between what it keeps of x and what it tells of y."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mine_lightning.errors import InputError
from mine_lightning.types import PlanePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["information_plane"]

_MARKERS = "os^Dv<>Ph*"
# from this share of ln N on a value may be the limit of the pairs rather than the layer's
_NEAR = 0.6


def information_plane(points: Iterable[PlanePoint], classes: int | None = None) -> Figure:
    """Draw I(layer; y) over I(x; layer), one line and marker a layer, its points coloured by epoch.

    Args:
        points: at least one; those of a layer are joined in their order.
        classes: where y are labels, their number: a line shows the most that they can carry, ln(classes) nats.

    Returns:
        A figure of its own, unknown to pyplot; ``figure.savefig(path)`` writes it.

    Raises:
        InputError: without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise InputError(
            "Expected matplotlib for the plot but it is not installed; pip install 'mine_lightning[plot]'."
        ) from error

    points = list(points)
    figure = Figure(figsize=(8, 5.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    _draw_layers(axes, points)
    _draw_limits(axes, points, classes)
    axes.set(xlabel="I(x; layer), nats", ylabel="I(layer; y), nats")
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_layers(axes: Axes, points: Sequence[PlanePoint]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    epochs = [point.epoch for point in points]
    handles = []
    for number, layer in enumerate(dict.fromkeys(point.layer for point in points)):
        own = [point for point in points if point.layer == layer]
        x, y = [point.mi_x for point in own], [point.mi_y for point in own]
        marker = _MARKERS[number % len(_MARKERS)]
        axes.plot(x, y, color="0.6", linewidth=1, zorder=2, label=layer)
        shown = axes.scatter(
            x,
            y,
            c=[point.epoch for point in own],
            cmap="viridis",
            vmin=min(epochs),
            vmax=max(epochs),
            marker=marker,
            s=48,
            edgecolors="0.2",
            linewidths=0.5,
            zorder=3,
        )
        handles.append(Line2D([], [], color="0.6", marker=marker, markerfacecolor="0.35", markeredgecolor="0.2"))
        handles[-1].set_label(layer)
    axes.legend(handles=handles, title="layer", frameon=False, loc="upper left", bbox_to_anchor=(0, 1.0))
    if len(set(epochs)) > 1:
        axes.figure.colorbar(shown, ax=axes, label="epoch", ticks=MaxNLocator(integer=True))


def _draw_limits(axes: Axes, points: Sequence[PlanePoint], classes: int | None) -> None:
    """Mark what no value can honestly exceed, where the points come near it."""
    pairs = min(point.pairs for point in points)
    limit = math.log(pairs)
    text = f"ln {pairs}: the most that {pairs} held-out pairs can show"
    style = {"color": "0.45", "linestyle": (0, (4, 3)), "linewidth": 1, "zorder": 1}
    if max(point.mi_x for point in points) > _NEAR * limit:
        axes.axvline(limit, **style)
        axes.annotate(text, (limit, 0.5), (4, 0), ("data", "axes fraction"), "offset points", rotation=90)
    if classes is not None:
        top = math.log(classes)
        axes.axhline(top, **style)
        axes.annotate(f"ln {classes}: all of {classes} classes", (1, top), (0, 3), ("axes fraction", "data"))
