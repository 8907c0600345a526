"""``python -m mine_lightning.results workspace``: one command, two views, and a key is what it lacks here."""

import pytest

from mine_lightning.results import workspace
from mine_lightning.results.__main__ import main

WORDS = ["--entity", "team", "--project", "mi"]


def test_a_workspace_and_a_report_of_the_project_are_saved():
    pytest.importorskip("wandb_workspaces", reason="pip install wandb-workspaces")
    saved = []
    assert workspace.make(WORDS, lambda view: saved.append(view) or f"at{len(saved)}") == ["at1", "at2"]
    assert [(type(view).__name__, view.entity, view.project) for view in saved] == [
        ("Workspace", "team", "mi"),
        ("Report", "team", "mi"),
    ]
    table = next(block.text for block in saved[1].blocks if type(block).__name__ == "MarkdownBlock")
    assert "| gan_stacked_mnist_dcgan | DCGAN | 99.0 | 3.40 |" in table


def test_without_a_key_it_says_so(monkeypatch, tmp_path, capsys):
    pytest.importorskip("wandb_workspaces", reason="pip install wandb-workspaces")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert main(["workspace", *WORDS]) == 2
    assert "Expected a W&B API key but there is none; `wandb login`" in capsys.readouterr().err


def test_entity_and_project_are_needed(capsys):
    with pytest.raises(SystemExit):
        main(["workspace", "--entity", "team"])
    assert "--project" in capsys.readouterr().err
