"""The figure of an estimate; see also tests/estimation/test_result.py, which draws through MIEstimate.plot."""

import pytest

from mine_lightning.estimation.result import MIEstimate
from mine_lightning.estimation.training import Point
from mine_lightning.views.estimate import plot_estimate


def test_the_band_is_the_interval_and_no_global_figure_is_left():
    import matplotlib.pyplot as plt

    figure = plot_estimate(MIEstimate(0.4, 0.01, (0.38, 0.45), [[Point(20, 0.3), Point(40, 0.4)]], 500, {}, []))
    (band,) = figure.axes[0].patches
    assert band.get_extents().transformed(figure.axes[0].transData.inverted()).y0 == pytest.approx(0.38)
    assert figure.axes[0].get_ylabel() == "nats"
    assert plt.get_fignums() == []
