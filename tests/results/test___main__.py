"""``python -m mine_lightning.results``."""

import shutil
from pathlib import Path

from mine_lightning.results import __main__ as command_line
from mine_lightning.results.__main__ import main

ROOT = Path(__file__).parents[2]


def test_alone_it_writes_the_tables(tmp_path, monkeypatch, capsys):
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.setattr(command_line, "RESULTS", tmp_path / "results")
    assert main([]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "RESULTS.md"), str(tmp_path / "README.md")]
    assert "## Stacked MNIST" in (tmp_path / "RESULTS.md").read_text()


def test_keep_takes_a_folder_and_a_word_to_replace(monkeypatch):
    calls = []
    monkeypatch.setattr(command_line, "keep", lambda path, replace: calls.append((path, replace)))
    assert main(["keep", "run"]) == main(["keep", "--replace", "run"]) == main(["keep", "run", "--replace"]) == 0
    assert calls == [(Path("run"), replace) for replace in (False, True, True)]
    assert main(["keep", "--replace"]) == 2


def test_another_word_is_told(capsys):
    assert main(["throw"]) == 2
    assert "Expected one of run, keep, compare, " in capsys.readouterr().err
    assert main(["keep"]) == 2
    assert "Expected `keep RUN_DIR` but got 0 words" in capsys.readouterr().err
