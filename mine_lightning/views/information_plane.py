"""The information plane: where each layer stands between what it keeps of x and what it tells of y."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

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
    """Draw I(layer; y) over I(x; layer): a line, hue and marker for each layer, from pale to full as epochs pass.

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
    figure = Figure(figsize=(8.5, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel="I(x; layer), nats", ylabel="I(layer; y), nats")
    axes.grid(color="0.93")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _draw_layers(axes, points)
    _draw_limits(axes, points, classes)
    figure.legend(title="layer", loc="outside right upper", frameon=False)
    return figure


def _draw_layers(axes: Axes, points: Sequence[PlanePoint]) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.ticker import MaxNLocator

    hues, epochs = colormaps["tab10"](range(10)), [point.epoch for point in points]
    first, last = min(epochs), max(epochs)
    norm = Normalize(first if last > first else last - 1, last)
    for number, layer in enumerate(dict.fromkeys(point.layer for point in points)):
        own = [point for point in points if point.layer == layer]
        x, y = [point.mi_x for point in own], [point.mi_y for point in own]
        hue, marker = hues[number % len(hues)], _MARKERS[number % len(_MARKERS)]
        axes.plot(x, y, color=hue, alpha=0.35, linewidth=1, zorder=2)
        tints = LinearSegmentedColormap.from_list(layer, ["white", hue])(norm([point.epoch for point in own]))
        sizes = [42] * (len(own) - 1) + [90]  # where the layer is now
        axes.scatter(x, y, s=sizes, c=tints, marker=marker, edgecolors=[hue], linewidths=0.9, zorder=3)
        axes.scatter([], [], s=42, c=[hue], marker=marker, label=layer)
    if last > first:
        greys = LinearSegmentedColormap.from_list("epoch", ["white", "0.25"])
        bar = axes.figure.colorbar(ScalarMappable(norm, greys), ax=axes, ticks=MaxNLocator(6, integer=True), aspect=30)
        bar.set_label("epoch")


def _draw_limits(axes: Axes, points: Sequence[PlanePoint], classes: int | None) -> None:
    """Mark what no value can honestly exceed; of pairs only where a point comes near it."""
    pairs = min(point.pairs for point in points)
    limit = math.log(pairs)
    style: dict[str, Any] = {"color": "0.45", "linestyle": (0, (4, 3)), "linewidth": 1, "zorder": 1}
    words: dict[str, Any] = {"color": "0.35", "fontsize": 8, "textcoords": "offset points"}
    if max(point.mi_x for point in points) > _NEAR * limit:
        axes.axvline(limit, **style)
        text = f"ln {pairs}: the limit of {pairs} held-out pairs"
        frame = ("data", "axes fraction")
        axes.annotate(text, (limit, 0), (-4, 6), xycoords=frame, rotation=90, ha="right", va="bottom", **words)
    if classes is not None:
        axes.axhline(math.log(classes), **style)
        text, frame = f"ln {classes}: the limit of {classes} classes", ("axes fraction", "data")
        axes.annotate(text, (0, math.log(classes)), (6, -4), xycoords=frame, ha="left", va="top", **words)
        axes.set_ylim(top=max(axes.get_ylim()[1], 1.05 * math.log(classes)))
