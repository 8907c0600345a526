"""A judge is kept whole; a damaged file is none; a folder that can't be written is no reason to stop."""

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
