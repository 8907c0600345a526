"""A judge is kept whole; a damaged file is none; a folder that can't be written is no reason to stop."""

import os

import pytest
import torch

from mine_lightning.judges.cache import load, save


def test_what_was_saved_is_loaded_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "judges" / "a.pt"
    assert load(path) is None
    save({"weight": torch.arange(3), "accuracy": 0.5}, path)
    found = load(path)
    assert found["weight"].tolist() == [0, 1, 2]
    assert found["accuracy"] == 0.5
    assert list(path.parent.iterdir()) == [path]


def test_other_users_of_a_shared_folder_can_read_it(tmp_path):
    before = os.umask(0o022)
    try:
        save({}, tmp_path / "a.pt")
    finally:
        os.umask(before)
    assert (tmp_path / "a.pt").stat().st_mode & 0o777 == 0o644


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(saved, path):
        path.write_bytes(b"half")
        raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.warns(UserWarning, match="unexpected pos"):
        save({}, tmp_path / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_counts_as_none(tmp_path):
    path = tmp_path / "a.pt"
    save({"weight": torch.arange(300)}, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match="can't be read; it is trained again"):
        assert load(path) is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match=r"The judge can't be kept in .* the next run trains it again"):
        save({}, tmp_path / "file" / "a.pt")
