"""Run folders: never shared, never half written, told when they can't be used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder, write_whole


def create(root):
    return RunFolder.create(root, "experiment", "default", "mnist", 3)


def test_name_tells_protocol_data_set_and_seed(tmp_path):
    folder = create(tmp_path)
    assert folder.path.parent == tmp_path / "experiment"
    assert folder.path.name.startswith("default-mnist-seed3-")
    assert folder.samples.is_dir()


def test_two_runs_in_one_second_get_two_folders(tmp_path):
    assert len({create(tmp_path).path for _ in range(4)}) == 4


def test_identity_and_config_come_back(tmp_path):
    folder = create(tmp_path)
    folder.write_identity(experiment="experiment", dataset="mnist")
    folder.write_config({"model": {"beta": 1.0}})
    assert folder.identity["dataset"] == "mnist"
    assert len(folder.identity["wandb_id"]) == 8
    assert "beta: 1.0" in folder.config_file.read_text()
    folder.write_summary({"steps": 3})
    assert json.loads((folder.path / "summary.json").read_text()) == {"steps": 3}


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"Expected to write the run folder .* choose another place with --output"):
        create(tmp_path / "file")


def test_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(InputError, match=r"it has no config\.yaml"):
        RunFolder.open(tmp_path)


def test_a_run_without_checkpoint_is_told(tmp_path):
    folder = create(tmp_path)
    folder.write_identity(experiment="experiment", protocol="p", dataset="d", seed=0, config_hash="c")
    folder.write_config({})
    with pytest.raises(InputError, match="the run stopped before the end of its first epoch"):
        RunFolder.open(folder.path)
    with folder.claimed(), pytest.raises(InputError, match="another process") as told:
        RunFolder.open(folder.path)
    assert "stopped" not in str(told.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_identity_is_told(tmp_path, text):
    folder = create(tmp_path)
    folder.write_config({})
    (folder.path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json but .* is missing; the file is damaged"):
        RunFolder.open(folder.path)


def test_processes_of_one_launch_agree_on_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job7")
    monkeypatch.setenv("MASTER_PORT", "29500")
    first = create(tmp_path)
    monkeypatch.delenv("MINE_LIGHTNING_RUN_FOLDER")
    monkeypatch.setattr("mine_lightning.runs.folder._rank", lambda: 1)
    assert create(tmp_path).path == first.path


def test_files_are_written_whole(tmp_path):
    write_whole(tmp_path / "a.json", "one")
    write_whole(tmp_path / "a.json", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "two"


def test_a_config_is_utf_8_whatever_the_system_speaks(tmp_path):
    code = (
        "import locale, sys\nfrom pathlib import Path\nfrom mine_lightning.runs.folder import RunFolder\n"
        "assert locale.getpreferredencoding(False) != 'UTF-8'\n"
        "RunFolder(Path(sys.argv[1])).write_config({'protocol': chr(0x3b2)})\n"
    )
    ascii_alone = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", code, tmp_path], env=ascii_alone, check=True)
    assert "\u03b2" in RunFolder(tmp_path).config_file.read_text(encoding="utf-8")


def test_a_write_that_is_cut_off_leaves_the_old_file(tmp_path, monkeypatch):
    def cut(self, text, encoding):
        self.write_bytes(text[:1].encode())
        raise OSError("no space left")

    write_whole(tmp_path / "a.json", "one")
    monkeypatch.setattr(Path, "write_text", cut)
    with pytest.raises(InputError, match="no space left"):
        write_whole(tmp_path / "a.json", "two")
    assert (tmp_path / "a.json").read_text() == "one"


def test_no_name_is_told(tmp_path):
    with pytest.raises(InputError, match=r"Expected to write \. but that fails"):
        write_whole(Path(), "one")
