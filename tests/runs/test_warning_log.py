"""Warnings are kept once each, and shown as before."""

import warnings

import pytest

from mine_lightning.runs.warning_log import kept_warnings, read_warnings


def test_each_warning_is_kept_once_and_still_shown(tmp_path):
    path, shown = tmp_path / "warnings.txt", []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest, **more: shown.append(str(message))
        with kept_warnings(path):
            for text in ("near\n  the limit", "near\n  the limit", "T overfits"):
                warnings.warn(text, stacklevel=1)
        warnings.warn("after", stacklevel=1)
    assert read_warnings(path) == ["near the limit", "T overfits"]
    assert shown == ["near\n  the limit", "near\n  the limit", "T overfits", "after"]


def test_a_resumed_run_adds_what_is_new(tmp_path):
    path = tmp_path / "warnings.txt"
    path.write_text("old\n")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *rest, **more: None
        with kept_warnings(path):
            warnings.warn("old", stacklevel=1)
            warnings.warn("new", stacklevel=1)
    assert read_warnings(path) == ["old", "new"]


def test_showing_is_put_back_after_an_error(tmp_path):
    before = warnings.showwarning
    with pytest.raises(KeyError), kept_warnings(tmp_path / "warnings.txt"):
        raise KeyError
    assert warnings.showwarning is before
    assert read_warnings(tmp_path / "warnings.txt") == []
