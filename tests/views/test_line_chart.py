"""Points lie where their numbers say, and the axes are marked with round ones."""

import math
import re

import pytest

from mine_lightning.views.line_chart import Curve, Level, line_chart, ticks


def places(svg):
    """The points of each curve of a chart."""
    paths = re.findall(r'class="curve" d="([^"]*)"', svg)
    return [[tuple(map(float, p.split())) for p in re.findall(r"[ML]([\d. -]+)", path)] for path in paths]


def marks(svg):
    """The marks of the vertical axis: text and height of its line."""
    found = re.findall(r'y1="([\d.]+)"[^>]*stroke="var\(--grid\)"/><text[^>]*>([^<]*)<', svg)
    return {text: float(y) for y, text in found}


def test_points_lie_between_the_marks_of_their_values():
    svg = line_chart("a", [Curve("c", [(0, 0.0), (50, 5.0), (100, 10.0)])])
    (curve,) = places(svg)
    axis = marks(svg)
    assert curve[0][1] == pytest.approx(axis["0"], abs=0.1)
    assert curve[2][1] == pytest.approx(axis["10"], abs=0.1)
    assert curve[1] == pytest.approx(((curve[0][0] + curve[2][0]) / 2, (axis["0"] + axis["10"]) / 2), abs=0.1)


def test_a_logarithmic_axis_spaces_decades_evenly_and_leaves_zero_out():
    svg = line_chart("a", [Curve("c", [(0, 0.0), (1, 0.1), (2, 1.0), (3, 10.0)])], [Level("zero", 0.0)], log=True)
    (curve,) = places(svg)
    assert len(curve) == 3
    assert curve[1][1] - curve[0][1] == pytest.approx(curve[2][1] - curve[1][1], abs=0.15)
    assert {"0.1", "1", "10"} <= set(marks(svg))
    assert "zero" not in svg


def test_levels_widen_the_axis_and_are_named():
    svg = line_chart("a", [Curve("c", [(1, 400.0), (2, 600.0)])], [Level("published <b>", 1000.0)])
    height = float(re.search(r'class="level" x1="\d+" x2="\d+" y1="([\d.]+)"', svg).group(1))
    assert height == pytest.approx(marks(svg)["1,000"], abs=0.1)
    assert height < min(y for _, y in places(svg)[0])
    assert "published &lt;b&gt;" in svg


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("points", [[], [(1, 2.0)], [(1, -3.0), (2, -3.0)], [(1, 0.0)], [(0, 1e-9), (9, 1e12)]])
def test_whatever_was_logged_is_drawn_inside_of_the_frame(points, log):
    svg = line_chart("a", [Curve("c", points)], log=log)
    assert "nan" not in svg
    assert all(0 <= x <= 400 and 0 <= y <= 230 for curve in places(svg) for x, y in curve)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_the_last_value_and_no_point(bad, log):
    whole = [(k, float(k)) for k in range(1, 51)]
    svg = line_chart("a", [Curve("c", [*whole, (100, bad)])], [Level("bad", bad)], log=log)
    (curve,) = places(svg)
    assert len(curve) == 50
    assert max(x for x, _ in curve) < 250  # the axis goes on to where the curve has no place any more
    assert f"c {bad:g}</span>" in svg
    assert 'class="level"' not in svg
    (alone,) = places(line_chart("a", [Curve("c", [(k, bad) for k in range(1000)])], log=log))
    assert alone == []


def test_of_many_points_means_are_drawn():
    svg = line_chart("a", [Curve("c", [(k, float(k % 2)) for k in range(1000)])])
    (curve,) = places(svg)
    assert len(curve) == 334
    few = line_chart("a", [Curve("c", [(k, 1.0) for k in range(30)])])
    assert few.count('r="2.6"') == 30
    assert 'r="2.6"' not in svg


def test_a_ninth_curve_is_dashed_in_the_first_ones_colour():
    svg = line_chart("a", [Curve(f"run {k}", [(1, 1.0), (2, 2.0)]) for k in range(9)])
    assert svg.count("stroke-dasharray") == 1
    assert svg.count('class="dashed" style="color: var(--hue1)"') == 1
    assert "run 8 2</span>" in svg
    assert "var(--hue3)" in line_chart("a", [Curve("third", [(1, 1.0)], hue=2)])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 4000, [0, 1000, 2000, 3000, 4000]),
        (0.1, 0.35, [0.1, 0.15, 0.2, 0.25, 0.3, 0.35]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)
    assert ticks(3, 3) == [3]
