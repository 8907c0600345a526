"""Figures of studies: what is drawn, by its numbers, and that the picture is a picture."""

import math

import numpy as np
import pytest

from mine_lightning.errors import InputError
from mine_lightning.types import Row
from mine_lightning.views.study import errors_figure, estimates_figure


def row(at, dataset, estimator, nats, truth=1.0, n=1000, panel="p"):
    return Row(panel, at, n, dataset, truth, estimator, nats, math.nan, 0.1)


ROWS = [row(at, dataset, "A", 0.8 * at + 0.1 * dataset, truth=at) for dataset in (0, 1) for at in (1.0, 2.0)]


def lines(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def test_estimates_are_means_beside_the_truth():
    axes, error = estimates_figure(ROWS, "place").axes
    assert lines(axes)["truth"] == [[1, 1], [2, 2]]
    (container,) = axes.containers
    assert container.lines[0].get_xydata() == pytest.approx(np.array([[1, 0.85], [2, 1.65]]))
    (container,) = error.containers
    assert container.lines[0].get_xydata() == pytest.approx(np.array([[1, -0.15], [2, -0.35]]))
    assert error.get_xlabel() == "place"
    assert not any(label.startswith("ln n") for label in lines(axes))


def test_ln_n_is_marked_where_the_truth_comes_near_it():
    axes, _ = estimates_figure([row(0.9, 0, "A", 4.0, truth=5.0)], "place").axes
    assert "ln n = 6.9" in lines(axes)


def test_errors_are_absolute_and_both_axes_logarithmic():
    (axes,) = errors_figure([row(100, 0, "A", 0.8), row(100, 1, "A", 1.4)], "pairs").axes
    (container,) = axes.containers
    assert container.lines[0].get_xydata() == pytest.approx(np.array([[100, 0.3]]))
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_panels_stand_side_by_side_and_the_file_has_ink(tmp_path):
    from matplotlib.image import imread

    figure = estimates_figure([*ROWS, *(one._replace(panel="q") for one in ROWS)], "place")
    assert [axes.get_title() for axes in figure.axes] == ["p", "q", "", ""]
    figure.savefig(tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png")[..., :3].std() > 0.02


def test_it_tells_where_matplotlib_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match=r"mine_lightning\[plot\]"):
        estimates_figure(ROWS, "place")
