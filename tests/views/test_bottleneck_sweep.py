"""What the picture of beta shows, read off its artists."""

import pytest

from mine_lightning.errors import InputError
from mine_lightning.views.bottleneck_sweep import bottleneck_sweep

RUNS = {
    beta: {"mi_lower": 5.0 - n, "mi_upper": 6.0 - n, "mi_limit": 9.2, "test_error_percent": 1.2 + n / 10}
    for n, beta in enumerate((0, 1e-4, 1e-1))
}


def test_bounds_and_error_over_beta_in_its_order(tmp_path):
    figure = bottleneck_sweep(dict(reversed(RUNS.items())))
    information, error = figure.axes
    lines = {line.get_label(): list(line.get_ydata()) for line in information.lines}
    assert lines["lower bound"] == [5.0, 4.0, 3.0]
    assert lines["upper bound"] == [6.0, 5.0, 4.0]
    assert lines["MINE"] == []
    assert lines["ln N: near it no value is to be trusted"] == [9.2, 9.2]
    assert list(error.lines[0].get_ydata()) == pytest.approx([1.2, 1.3, 1.4])
    assert [label.get_text() for label in error.get_xticklabels()] == ["0", "0.0001", "0.1"]
    assert (information.get_ylabel(), information.get_xlabel()) == ("I(x; z), nats", "beta")
    figure.savefig(tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 1000


def test_mines_own_value_stands_where_a_run_was_validated():
    runs = {**RUNS, 1e-4: {**RUNS[1e-4], "mi": 3.5}}
    (line,) = (line for line in bottleneck_sweep(runs).axes[0].lines if line.get_label() == "MINE")
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1], [3.5])


def test_no_run_is_told():
    with pytest.raises(InputError, match="one run or more but got none"):
        bottleneck_sweep({})
