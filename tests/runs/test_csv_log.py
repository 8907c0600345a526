"""metrics.csv: every value once, across new columns and a resume."""

import csv

import torch

from mine_lightning.runs.csv_log import MetricsCSV


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_columns_that_come_later_are_added(tmp_path):
    log = MetricsCSV(tmp_path / "metrics.csv")
    log.log_metrics({"a": torch.tensor(1.5)}, 0)
    log.save()
    log.log_metrics({"a": 2.5}, 1)
    log.save()
    log.log_metrics({"b": 3.5}, 1)
    log.finalize("success")
    assert rows(tmp_path / "metrics.csv") == [
        {"step": "0", "a": "1.5", "b": ""},
        {"step": "1", "a": "2.5", "b": ""},
        {"step": "1", "a": "", "b": "3.5"},
    ]


def test_resume_keeps_rows_up_to_the_checkpoint_and_drops_later_and_broken_ones(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,a\n0,1.0\n9,2.0\n10,3.0\n1")
    log = MetricsCSV(path, keep_until=10)
    log.log_metrics({"c": 4.0}, 10)
    log.save()
    assert rows(path) == [
        {"step": "0", "a": "1.0", "c": ""},
        {"step": "9", "a": "2.0", "c": ""},
        {"step": "10", "a": "", "c": "4.0"},
    ]


def test_nothing_logged_writes_nothing(tmp_path):
    MetricsCSV(tmp_path / "metrics.csv").finalize("success")
    assert not list(tmp_path.iterdir())


def test_rows_without_a_step_are_kept(tmp_path):
    log = MetricsCSV(tmp_path / "metrics.csv")
    log.log_metrics({"a": 1.0})
    log.log_metrics({"b": 2.0})
    log.log_metrics({"a": 3.0}, step=4)
    log.log_metrics({"b": 5.0}, step=4)
    log.save()
    assert (tmp_path / "metrics.csv").read_text().split() == ["step,a,b", ",1.0,2.0", "4,3.0,5.0"]
