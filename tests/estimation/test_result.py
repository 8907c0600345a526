"""What an estimate says of itself."""

import pytest

from mine_lightning.estimation.result import Check, MIEstimate
from mine_lightning.estimation.training import Point


def estimate(**fields):
    curve = [[Point(20, 0.3), Point(40, 0.41)], [Point(20, 0.2), Point(40, 0.39)]]
    given = {"nats": 0.4, "stderr": 0.01, "interval": (0.38, 0.45), "curve": curve, "n": 12_000}
    return MIEstimate(**{**given, "settings": {}, "warnings": [], **fields})


def test_printed_it_has_value_error_interval_and_warnings():
    assert str(estimate()) == "0.400 ± 0.010 nats (0.380 to 0.450) from 12,000 pairs"
    assert str(estimate(warnings=["T overfits."])).endswith("\nwarning: T overfits.")


@pytest.mark.parametrize(("nats", "passed"), [(0.1, True), (-0.1, True), (0.11, False)])
def test_a_check_passes_within_its_tolerance(nats, passed):
    assert Check(0.0, nats, 0.1).passed is passed


def test_plot_draws_what_it_has(tmp_path):
    figure = estimate().plot()
    (axes,) = figure.axes
    assert axes.lines[1].get_ydata().tolist() == [0.2, 0.39]
    assert axes.lines[2].get_ydata() == [0.4, 0.4]
    figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
