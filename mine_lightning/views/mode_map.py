"""Samples per mode as a map of squares, inline SVG: for stacked MNIST 10 x 10 x 10, else a rectangle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from mine_lightning.views.page import figure

__all__ = ["CELL", "SHADES", "mode_key", "mode_map", "places", "shade"]

# upper ends of the shades, in shares of what an even spread would give a mode
SHADES = (0.25, 0.5, 1.0, 2.0, 4.0)

CELL = 8  # side of a mode's square
_GAP = 14  # between blocks


def mode_map(title: str, counts: Sequence[int], told: bool = False) -> str:
    """Return a figure of how samples spread over modes: the darker, the more; a mode without any is hollow.

    1000 modes are ten blocks, one for each digit of the first channel, with the second channel's digit downwards and
    the third's to the right. Others stand row by row: on a square where their number is one, else twenty to a row.

    Args:
        title: of the figure.
        counts: samples per mode.
        told: whether each square tells its number under the pointer; it takes 100 bytes a mode.
    """
    corners, width, height = places(len(counts))
    even = sum(counts) / len(counts)
    cells: dict[int, list[str]] = {}
    for number, ((x, y), count) in enumerate(zip(corners, counts, strict=True)):
        inset = 0.5 if count else 1.2
        side = CELL - 2 * inset
        square = f"M{x + inset:g} {y + inset:g}h{side:g}v{side:g}h-{side:g}z"
        if told:
            name = f"{number:03d}" if len(counts) == 1000 else str(number)
            square = f'<path d="{square}"><title>mode {name}: {count} samples</title></path>'
        cells.setdefault(shade(count, even), []).append(square)
    parts = []
    for level, squares in sorted(cells.items()):
        style = f'fill="var(--step{level})"' if level else 'fill="transparent" stroke="var(--bad)" stroke-width="0.8"'
        inner = "".join(squares) if told else f'<path d="{"".join(squares)}"/>'
        parts.append(f'<g class="shade{level}" {style}>{inner}</g>')
    labelled = told and len(counts) == 1000
    if labelled:
        parts += [f'<text x="{corners[100 * d][0]}" y="{corners[100 * d][1] - 3}">{d}</text>' for d in range(10)]
    # squares of a small map are not blown up to the width of the page
    top = 10 if labelled else 0
    frame = f'viewBox="0 {-top} {width} {height + top}" style="max-width: {3 * width}px"'
    svg = f'<svg class="modes" {frame} role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    covered = sum(count > 0 for count in counts)
    return figure(
        title, svg, f"{covered} of {len(counts)} modes, {sum(counts):,} samples" if told else f"{covered} modes"
    )


def mode_key() -> str:
    """Return the legend of the shades, HTML."""
    words = ["none", *(f"up to {upper:g}" for upper in SHADES), f"over {SHADES[-1]:g}"]
    marks = ["border-color: var(--bad)"] + [f"background: var(--step{k})" for k in range(1, len(words))]
    return "".join(
        f'<span class="key"><b class="swatch" style="{mark}"></b>{word}</span>'
        for word, mark in zip(words, marks, strict=True)
    )


def shade(count: int, even: float) -> int:
    """Return 0 for a mode without samples, else 1 to 6 for how its count compares with an even spread."""
    return 0 if count == 0 else 1 + sum(count > upper * even for upper in SHADES)


def places(modes: int) -> tuple[list[tuple[int, int]], int, int]:
    """Return the upper left corner (x, y) of each mode's square of side ``CELL``, and the map's width and height."""
    return _blocks() if modes == 1000 else _rectangle(modes)


def _blocks() -> tuple[list[tuple[int, int]], int, int]:
    block = 10 * CELL + _GAP
    places = [
        (first % 5 * block + third * CELL, first // 5 * block + second * CELL)
        for first in range(10)
        for second in range(10)
        for third in range(10)
    ]
    return places, 5 * block - _GAP, 2 * block - _GAP


def _rectangle(modes: int) -> tuple[list[tuple[int, int]], int, int]:
    root = math.isqrt(modes)
    columns = root if root * root == modes and modes <= 64 else min(20, modes)
    places = [(k % columns * CELL, k // columns * CELL) for k in range(modes)]
    return places, columns * CELL, math.ceil(modes / columns) * CELL
