"""A line chart as inline SVG, without matplotlib: a report needs no more than the base install."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mine_lightning.views.page import HUES, figure

__all__ = ["Curve", "Level", "line_chart", "ticks"]

Point = tuple[float, float]

_WIDTH, _HEIGHT = 400, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 18, 10, 34
_MOST_POINTS = 400
_MARKED = 30  # curves of at most so many points show each of them


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        name: in the legend.
        points: (x, y), by x.
        hue: number of its colour, from 0; by default its place in the chart.
    """

    name: str
    points: Sequence[Point]
    hue: int | None = None


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with.

    Attributes:
        name: written on it.
        y: its height.
    """

    name: str
    y: float


def line_chart(title: str, curves: Sequence[Curve], levels: Sequence[Level] = (), log: bool = False) -> str:
    """Return a figure: curves over training steps, a legend with the last values, levels dashed.

    Of a curve of more than 400 points means of neighbours are drawn. What is not finite is no point of a line, but the
    last value all the same. On a logarithmic axis values of 0 and below are left out.

    Args:
        title: of the chart, with the unit.
        curves: at least one.
        levels: to compare with.
        log: whether the vertical axis is logarithmic.
    """
    drawn = [(curve, [p for p in _thinned(_finite(curve.points)) if p[1] > 0 or not log]) for curve in curves]
    shown = [level for level in levels if math.isfinite(level.y) and (level.y > 0 or not log)]
    # of all points: a curve that diverges is seen to end
    x_high = max((x for curve in curves for x, _ in curve.points), default=0.0) or 1.0
    low, high, marks = _axis([y for _, points in drawn for _, y in points] + [level.y for level in shown], log)

    def place(x: float, y: float) -> Point:
        share = (math.log(y / low) / math.log(high / low)) if log else (y - low) / (high - low)
        return (
            _LEFT + x / x_high * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [_grid_line(_number(y), place(0, y)[1]) for y in marks]
    parts += [_step_mark(_number(x), place(x, low)[0]) for x in ticks(0, x_high, 4)]
    parts += [_level_line(place(0, level.y)[1]) for level in shown]
    for number, (curve, points) in enumerate(drawn):
        parts.append(_curve(curve, _hue(curve, number), points, [place(*point) for point in points]))
    parts += [_level_words(level, place(0, level.y)[1], left=bool(n % 2)) for n, level in enumerate(shown)]
    svg = (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">steps</text></svg>'
    )
    return figure(title, svg, "<br>" + "".join(_key(curve, _hue(curve, n)) for n, curve in enumerate(curves)))


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most so many round numbers (1, 2 or 5 times a power of ten apart) from low to high."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _axis(values: Sequence[float], log: bool) -> tuple[float, float, list[float]]:
    """Return the ends of the vertical axis and where it is marked."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if log:
        low, high = (low, high) if values else (0.1, 1.0)
        low, high = low / 1.15, high * 1.15
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        span = math.log10(high / low)
        units = (1, 1.5, 2, 3, 4, 5, 7) if span < 0.7 else (1, 2, 5) if span < 1.5 else (1, 3) if span < 3 else (1,)
        marks = [unit * 10.0**k for k in decades for unit in units if low <= unit * 10.0**k <= high]
        return low, high, marks[:: math.ceil(len(marks) / 6)] if marks else [low, high]
    # from 0 where that costs little of the height: then one sees what a change amounts to
    low = 0.0 if 0 <= low < 0.6 * high else low
    space = (high - low) or abs(high) or 1.0
    low, high = (low if low == 0 else low - 0.06 * space), high + 0.06 * space
    return low, high, ticks(low, high)


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[1])]


def _thinned(points: Sequence[Point]) -> list[Point]:
    size = math.ceil(len(points) / _MOST_POINTS)
    if size <= 1:
        return list(points)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(part[-1][0], math.fsum(y for _, y in part) / len(part)) for part in parts]


def _curve(curve: Curve, hue: str, points: Sequence[Point], places: Sequence[Point]) -> str:
    path = "".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(places))
    dash = ' stroke-dasharray="5 3"' if hue.endswith("dashed") else ""
    colour = f"var(--{hue.partition(' ')[0]})"
    line = f'<path class="curve" d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>'
    radius = 2.6 if len(points) <= _MARKED else 0.0
    dots = [
        # the wide ring catches the pointer and shows the number; it has no ink
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" stroke="transparent" stroke-width="10">'
        f"<title>{escape(curve.name)}, step {step:,.0f}: {value:.4g}</title></circle>"
        for (step, value), (x, y) in zip(points, places, strict=True)
    ]
    return line + "".join(dots)


def _hue(curve: Curve, number: int) -> str:
    number = number if curve.hue is None else curve.hue
    return f"hue{number % HUES + 1}" + (" dashed" if number // HUES % 2 else "")


def _key(curve: Curve, hue: str) -> str:
    name, _, dashed = hue.partition(" ")
    last = f" {curve.points[-1][1]:.4g}" if curve.points else ""
    return f'<span class="key"><i class="{dashed}" style="color: var(--{name})"></i>{escape(curve.name)}{last}</span>'


def _grid_line(text: str, y: float) -> str:
    line = f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--grid)"/>'
    return f'{line}<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def _step_mark(text: str, x: float) -> str:
    return f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{text}</text>'


def _level_line(y: float) -> str:
    return (
        f'<line class="level" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--faint)" '
        'stroke-dasharray="4 3"/>'
    )


def _level_words(level: Level, y: float, left: bool) -> str:
    """Return what a level is called, of two levels at one end each: they may lie close together."""
    x, anchor = (_LEFT + 4, "start") if left else (_WIDTH - _RIGHT, "end")
    at = y + 12 if y < _TOP + 14 else y - 4  # at the upper edge they stand under their line
    return f'<text class="level" x="{x}" y="{at:.1f}" text-anchor="{anchor}">{escape(level.name)}</text>'


def _number(value: float) -> str:
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.10g}"
