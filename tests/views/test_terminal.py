"""What is printed."""

import io
import logging
import sys

from pytorch_lightning.callbacks import RichProgressBar, TQDMProgressBar

from mine_lightning.views.terminal import _is_no_tip, _readable, progress_bar, table


def test_bar_suits_the_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert isinstance(progress_bar(), TQDMProgressBar)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(progress_bar(), RichProgressBar)


def test_numbers_on_the_bar_are_readable():
    assert _readable({"v_num": "ab", "val/modes": 1000.0, "val/kl": 0.05678}) == {"val/modes": 1000, "val/kl": "0.057"}


def test_table_is_aligned():
    lines = table("title", [("modes", "1000"), ("kl", "0.05")], ("metric", "value")).splitlines()
    assert lines[0] == "title"
    assert lines[2] == "metric  value"
    assert lines[4:6] == ["modes   1000", "kl      0.05"]


def test_a_column_without_a_cell_is_left_out():
    lines = table("t", [("modes", "", "1000"), ("kl", "", "")], ("metric", "published", "value")).splitlines()
    assert lines[2] == "metric  value"
    assert lines[4:6] == ["modes   1000", "kl"]


def test_advertisements_are_dropped_and_nothing_else():
    def record(message):
        return logging.LogRecord("x", logging.INFO, "f", 1, message, (), None)

    assert not _is_no_tip(record("💡 Tip: install this"))
    assert _is_no_tip(record("GPU available: False"))
