"""``compare RUN RUN``."""

import pytest
from run_folders import make_run

from mine_lightning.results.__main__ import main


@pytest.fixture
def runs(tmp_path):
    return [str(make_run(tmp_path / name, seed=seed)) for seed, name in enumerate("ab")]


def test_two_runs_make_a_page(tmp_path, runs, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *runs]) == 0
    assert capsys.readouterr().out.strip() == "compare.html"
    assert "seed 1" in (tmp_path / "compare.html").read_text()
    assert main(["compare", "--output", str(tmp_path / "own.html"), *runs]) == 0
    assert (tmp_path / "own.html").is_file()
    assert main(["compare", f"--output={tmp_path / 'own = other.html'}", *runs]) == 0
    assert (tmp_path / "own = other.html").is_file()


def test_what_makes_no_page_is_told(tmp_path, runs, capsys):
    for words, message in (
        (runs[:1], "Expected two run folders or more but got 1"),
        ([runs[0], str(tmp_path)], "Expected a run folder at"),
        ([*runs, "--output"], "Expected a file after --output"),
        (
            [*runs, "--output", str(tmp_path / "none" / "a.html")],
            "make room there, or get the right to write, or choose another place",
        ),
    ):
        assert main(["compare", *words]) == 2
        assert message in capsys.readouterr().err
