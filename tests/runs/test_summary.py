"""summary.json says what was asked of it."""

import math

import pytest

from mine_lightning.runs.summary import curve, mean_and_stderr, summarise


def test_curve_has_each_validation_by_batches_trained(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,val/modes,val/kl,mine/mi\n0,,,0.5\n499,600.0,1.25,\n500,,,0.7\n999,900.0,0.5,\n")
    assert curve(path) == [{"step": 500, "modes": 600, "kl": 1.25}, {"step": 1000, "modes": 900, "kl": 0.5}]
    assert curve(tmp_path / "nothing.csv") == []


def test_summary_is_complete_and_rounds():
    identity = {
        "experiment": "a",
        "protocol": "default",
        "dataset": "mnist",
        "seed": 1,
        "config_hash": "c",
        "wandb_id": "w",
        "commit": "that of the start",
    }
    summary = summarise(identity, 10, {"modes": 999.0, "kl": 1.061234}, [], 12.345, "32-true", 0.99)
    assert summary["metrics"] == {"modes": 999, "kl": 1.0612}
    assert "wandb_id" not in summary
    assert 50 < summary["peak_memory_mb"] < 20_000
    assert summary["wall_time_s"] == 12.3
    assert summary["commit"] == "that of the start"


@pytest.mark.parametrize(
    ("value", "kept"),
    [(123.456789, 123.4568), (0.123456, 0.1235), (-0.123456, -0.1235), (0.0123456, 0.01235), (-1.23456e-7, -1.235e-7)],
)
def test_a_small_value_keeps_four_digits(tmp_path, value, kept):
    path = tmp_path / "metrics.csv"
    path.write_text(f"step,val/kl\n499,{value}\n")
    assert curve(path) == [{"step": 500, "kl": kept}]


def test_what_is_not_finite_is_kept_as_it_is(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,val/kl,val/modes,val/mi\n499,nan,nan,-inf\n")
    assert str(curve(path)) == "[{'step': 500, 'kl': nan, 'modes': nan, 'mi': -inf}]"
    path.write_text("step,val/kl\n499,0.5\n999,0.")  # cut off by a kill
    assert curve(path) == [{"step": 500, "kl": 0.5}]


def test_mean_and_stderr():
    assert mean_and_stderr([1.0, 3.0]) == (2.0, pytest.approx(1.0))
    assert mean_and_stderr([1.0]) == (1.0, None)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_finite_mean_and_a_stderr_of_nan(bad):
    mean, stderr = mean_and_stderr([1.0, bad])
    assert not math.isfinite(mean)
    assert math.isnan(stderr)
    assert mean_and_stderr([bad])[1] is None


def test_what_a_host_logs_that_is_no_number_is_left_out(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,val/right,val/kl\n4,True,0.5\n,,0.25\n9,False,\n")
    assert curve(tmp_path / "metrics.csv") == [{"step": 5, "kl": 0.5}]
