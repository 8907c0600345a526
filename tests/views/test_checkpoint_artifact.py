"""The last checkpoint goes to W&B where it is asked for, with the config that builds its host."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mine_lightning.cli import main
from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder
from mine_lightning.views import checkpoint_artifact
from mine_lightning.views.checkpoint_artifact import CheckpointArtifact, checkpoint_wanted
from mine_lightning.views.wandb_run import how_to_look, wandb_logger


@pytest.mark.parametrize(
    ("value", "wanted"), [(None, False), ("", False), ("false", False), ("end", True), ("END", True)]
)
def test_it_is_asked_for_by_a_variable(monkeypatch, value, wanted):
    monkeypatch.delenv("WANDB_LOG_MODEL", raising=False)
    if value is not None:
        monkeypatch.setenv("WANDB_LOG_MODEL", value)
    assert checkpoint_wanted() is wanted


def test_another_value_is_told(monkeypatch):
    monkeypatch.setenv("WANDB_LOG_MODEL", "checkpoint")
    with pytest.raises(InputError, match="Expected WANDB_LOG_MODEL to be end or false but it is 'checkpoint'"):
        checkpoint_wanted()


def test_an_offline_run_holds_the_checkpoint_and_its_config(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    folder = RunFolder.create(tmp_path, "experiment", "default", "mnist", 0)
    folder.write_identity(experiment="experiment", protocol="default", dataset="mnist", seed=0)
    folder.write_config({"model": "described"})
    folder.last_checkpoint.write_bytes(b"weights")
    logger = wandb_logger(folder, {})
    CheckpointArtifact(folder).on_fit_end(SimpleNamespace(loggers=[logger, object()]), None)
    logger.experiment.finish()
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", how_to_look(folder)[0].split()[2]]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    records = [json.loads(line) for line in out.splitlines()]
    (artifact,) = [record["artifact"] for record in records if record["type"] == "artifact"]
    assert (artifact["name"], artifact["type"]) == (f"model-{folder.identity['wandb_id']}", "model")
    staged = {entry["path"]: Path(entry["local_path"]).read_bytes() for entry in artifact["manifest"]["contents"]}
    assert staged == {"last.ckpt": b"weights", "config.yaml": b"model: described\n"}


def test_without_a_checkpoint_or_without_wandb_nothing_happens(tmp_path):
    CheckpointArtifact(RunFolder(tmp_path)).on_fit_end(SimpleNamespace(loggers=[object()]), None)


@pytest.mark.parametrize("value", ["end", "false"])
def test_a_run_logs_it_after_its_last_checkpoint_where_it_is_asked_for(tmp_path, monkeypatch, value):
    monkeypatch.setenv("WANDB_LOG_MODEL", value)
    there = []
    seen = lambda self, trainer, host: there.append(self.folder.last_checkpoint.is_file())  # noqa: E731
    monkeypatch.setattr(checkpoint_artifact.CheckpointArtifact, "on_fit_end", seen)
    assert main(["--config", "gan_25gaussians", "--config", "smoke", "--output", str(tmp_path)]) == 0
    assert there == ([True] if value == "end" else [])
