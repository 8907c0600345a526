"""W&B without an account: never a prompt, never a wait, and everything in the file."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mine_lightning.runs.folder import RunFolder
from mine_lightning.views.wandb_run import how_to_look, wandb_logger, wandb_mode


@pytest.mark.parametrize(
    ("variable", "key", "mode"),
    [
        ("", None, "offline"),
        ("", "k" * 40, "online"),
        ("offline", "k" * 40, "offline"),
        ("dryrun", "k" * 40, "offline"),
        ("disabled", None, "disabled"),
        ("online", None, "online"),
    ],
)
def test_mode(monkeypatch, tmp_path, variable, key, mode):
    monkeypatch.setenv("WANDB_MODE", variable)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    assert wandb_mode() == mode


def test_a_key_in_netrc_counts(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai login user password {'k' * 40}\n")
    assert wandb_mode() == "online"


def folder(tmp_path):
    made = RunFolder.create(tmp_path, "experiment", "default", "mnist", 0)
    made.write_identity(experiment="experiment", protocol="default", dataset="mnist", seed=0)
    return made


def test_disabled_gives_no_logger(tmp_path):
    made = folder(tmp_path)
    assert wandb_logger(made, {}) is None
    assert how_to_look(made) == []


def test_offline_run_holds_config_metrics_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    made = folder(tmp_path)
    logger = wandb_logger(made, {"mine": {"beta": 0.5}})
    for step in (0, 9):
        logger.log_metrics({"mine/mi": step + 0.5}, step)
        logger.log_image("samples", [np.full((8, 8, 3), 20 + step, np.uint8)], step=step)
    logger.finalize("success")
    logger.experiment.finish()
    show, upload = how_to_look(made)
    assert show.startswith("wandb leet ")
    assert upload.startswith("wandb sync ")
    run = show.split()[2]
    assert made.identity["wandb_id"] in run
    out = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", run], check=True, capture_output=True, text=True
    ).stdout
    records = [json.loads(line) for line in out.splitlines()]
    history = [record["history"]["item"] for record in records if record["type"] == "history"]
    text = json.dumps(history)
    assert "9.5" in text
    assert text.count("image-file") or text.count("images/separated") or "samples" in text
    assert "0.5" in json.dumps([record for record in records if record["type"] == "config"])
    assert len(list((made.path / "wandb").rglob("samples_*.png"))) == 2
