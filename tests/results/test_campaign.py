"""A table is trained once, taken up where it stopped, and trained again where a config has changed."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from mine_lightning.errors import InputError
from mine_lightning.results import campaign
from mine_lightning.results.__main__ import main
from mine_lightning.results.campaign import Planned, run
from mine_lightning.runs.folder import RunFolder

TABLE = ["gan_25gaussians", "gan_spiral", "--protocol", "smoke", "--seeds", "0", "1"]


class Trainer:
    """Leaves what train.py would leave, and stops where it is told to.

    Args:
        stop_at: number of the call that leaves a checkpoint but no summary, from 1; 0 for none.
        code: exit code of the call that stops.
    """

    def __init__(self, output, stop_at=0, code=1):
        self.output, self.stop_at, self.code, self.calls = output, stop_at, code, []

    def __call__(self, words):
        self.calls.append(list(words))
        if words[0] == "--resume":
            folder = type(self.output)(words[1])
        else:
            planned = Planned.of(words[1], words[3], int(words[5]), str(self.output))
            folder = self.output / words[1] / f"run{len(self.calls)}"
            (folder / "checkpoints").mkdir(parents=True)
            (folder / "checkpoints" / "last.ckpt").touch()
            (folder / "run.json").write_text(json.dumps(planned.identity))
        if len(self.calls) == self.stop_at:
            return self.code
        (folder / "summary.json").write_text((folder / "run.json").read_text())
        return 0


def wait_until(condition):
    """Wait for what another thread does, and no longer than it may take."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def table(tmp_path, trainer):
    run([*TABLE, "--output", str(tmp_path / "runs")], tmp_path / "results", trainer)


def test_every_run_is_trained_once_and_kept_the_first_seed_first(tmp_path, capsys):
    trainer = Trainer(tmp_path / "runs")
    table(tmp_path, trainer)
    started = [(words[1], words[5]) for words in trainer.calls]
    assert started == [(name, seed) for seed in "01" for name in ("gan_25gaussians", "gan_spiral")]
    assert all(words[2:4] == ["--config", "smoke"] for words in trainer.calls)
    kept = sorted(path.relative_to(tmp_path / "results").as_posix() for path in tmp_path.rglob("results/*/*.json"))
    assert kept == [
        "gan_25gaussians/smoke-25-gaussians-seed0.json",
        "gan_25gaussians/smoke-25-gaussians-seed1.json",
        "gan_spiral/smoke-spiral-seed0.json",
        "gan_spiral/smoke-spiral-seed1.json",
    ]
    table(tmp_path, trainer)
    assert len(trainer.calls) == 4
    assert capsys.readouterr().out.count("is there") == 4


def test_two_commands_at_once_share_a_table_and_train_nothing_twice(tmp_path, capsys):
    first, second = Trainer(tmp_path / "runs"), Trainer(tmp_path / "runs")
    other = threading.Thread(target=table, args=(tmp_path, second))

    def while_the_other_works(words):
        if not other.ident:
            other.start()
            wait_until(lambda: "waiting for another process to finish gan_25gaussians" in capsys.readouterr().out)
        return first(words)

    table(tmp_path, while_the_other_works)
    other.join(timeout=60)
    assert not other.is_alive()
    assert [(words[1], words[5]) for words in first.calls] == [("gan_25gaussians", "0")]
    assert [(words[1], words[5]) for words in second.calls] == [
        ("gan_spiral", "0"),
        ("gan_25gaussians", "1"),
        ("gan_spiral", "1"),
    ]
    assert len(list(tmp_path.rglob("results/*/*.json"))) == 4


def test_a_run_that_the_other_command_left_unfinished_is_taken_up(tmp_path):
    first, second = Trainer(tmp_path / "runs", stop_at=1), Trainer(tmp_path / "runs")
    other = threading.Thread(target=table, args=(tmp_path, second))

    def while_the_other_works(words):
        other.start()
        wait_until(lambda: len(second.calls) == 3)
        return first(words)

    with pytest.raises(InputError, match="stopped with exit code 1"):
        table(tmp_path, while_the_other_works)
    other.join(timeout=60)
    assert second.calls[-1][0] == "--resume"
    assert len(list(tmp_path.rglob("results/*/*.json"))) == 4


def test_a_training_whose_command_was_killed_is_waited_for(tmp_path):
    """It goes on by itself, and may not have a checkpoint yet."""
    trainer, orphan = Trainer(tmp_path / "runs"), Planned.of("gan_25gaussians", "smoke", 0, str(tmp_path / "runs"))
    folder = RunFolder(tmp_path / "runs" / "gan_25gaussians" / "run0")
    (folder.path / "checkpoints").mkdir(parents=True)
    (folder.path / "run.json").write_text(json.dumps(orphan.identity))
    command = threading.Thread(target=table, args=(tmp_path, trainer))
    with folder.claimed():
        command.start()
        wait_until(lambda: len(trainer.calls) == 3)  # all the others
        folder.last_checkpoint.touch()
        (folder.path / "summary.json").write_text((folder.path / "run.json").read_text())
    command.join(timeout=60)
    assert len(trainer.calls) == 3
    assert len(list(tmp_path.rglob("results/*/*.json"))) == 4


def test_a_home_folder_behind_an_equals_sign_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    trainer = Trainer(tmp_path / "runs")
    for _ in range(2):
        run([*TABLE, "--output=~/runs"], tmp_path / "results", trainer)
        shutil.rmtree(tmp_path / "results")
    assert len(trainer.calls) == 4


def test_a_stopped_run_goes_on_in_its_folder(tmp_path):
    trainer = Trainer(tmp_path / "runs", stop_at=2)
    with pytest.raises(InputError, match=r"Expected `train\.py --config gan_spiral .*` to finish but .* exit code 1"):
        table(tmp_path, trainer)
    table(tmp_path, trainer)
    assert trainer.calls[2] == ["--resume", str(tmp_path / "runs" / "gan_spiral" / "run2")]
    assert [words[0] for words in trainer.calls] == ["--config", "--config", "--resume", "--config", "--config"]


def test_a_stopped_run_whose_config_was_edited_is_left_and_started_anew(tmp_path):
    trainer = Trainer(tmp_path / "runs", stop_at=2)
    with pytest.raises(InputError, match="exit code 1"):
        table(tmp_path, trainer)
    stopped = RunFolder(tmp_path / "runs" / "gan_spiral" / "run2")
    (stopped.path / "run.json").write_text(json.dumps(stopped.identity | {"fingerprint": "as it was"}))
    stopped.write_config({"trainer": {"max_epochs": 3}})
    table(tmp_path, trainer)
    assert [words[0] for words in trainer.calls] == ["--config"] * 5


def test_a_finished_run_that_was_not_kept_is_not_trained_again(tmp_path):
    trainer = Trainer(tmp_path / "runs")
    table(tmp_path, trainer)
    (tmp_path / "results" / "gan_spiral" / "smoke-spiral-seed1.json").unlink()
    table(tmp_path, trainer)
    assert len(trainer.calls) == 4
    assert (tmp_path / "results" / "gan_spiral" / "smoke-spiral-seed1.json").is_file()


def test_a_result_of_another_config_does_not_count(tmp_path):
    trainer = Trainer(tmp_path / "runs")
    table(tmp_path, trainer)
    for path in (tmp_path / "results" / "gan_spiral" / "smoke-spiral-seed0.json", *tmp_path.rglob("run2/run.json")):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"config_hash": "another"}))
    table(tmp_path, trainer)
    assert [(words[1], words[5]) for words in trainer.calls[4:]] == [("gan_spiral", "0")]


def test_training_that_ends_without_a_summary_is_told(tmp_path):
    with pytest.raises(InputError, match="stopped with exit code 0"):
        table(tmp_path, Trainer(tmp_path / "runs", stop_at=1, code=0))


def test_an_unknown_experiment_is_told_before_anything_is_trained(tmp_path, capsys):
    assert main(["run", "gan_spiral", "gan_spirall"]) == 2
    assert "there is no 'gan_spirall'; nearest: gan_spiral" in capsys.readouterr().err


def test_the_command_trains_for_real_and_its_result_belongs_to_its_config(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    code = (
        "from pathlib import Path; from mine_lightning.results.campaign import run; "
        "run(['gan_25gaussians_mine_gp', '--protocol', 'smoke', '--seeds', '3', '--output', 'runs'], Path('results'))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=120)
    (kept,) = (tmp_path / "results").rglob("*.json")
    summary = json.loads(kept.read_text())
    planned = Planned.of("gan_25gaussians_mine_gp", "smoke", 3, "runs")
    assert {key: summary[key] for key in planned.identity} == planned.identity
    assert summary["steps"] == 8
    assert {"modes", "high_quality", "floor_modes", "mi"} <= set(summary["metrics"])
    assert {"modes", "high_quality"} <= set(summary["evaluations"][0])
    assert sorted(path.name for path in tmp_path.rglob("samples/*.png")) == ["step-000004.png", "step-000008.png"]
    assert campaign.TRAIN.is_file()


@pytest.mark.parametrize("name", ["", "protocol: smoke\n"])
def test_an_overlay_without_a_name_of_its_own_may_not_take_anothers_place(tmp_path, name):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(f"{name}trainer: {{max_epochs: 1}}\n")
    trainer = Trainer(tmp_path)
    with pytest.raises(InputError, match=r"mine.yaml to name a protocol of its own, .* write another `protocol: NAME`"):
        run(["gan_25gaussians", "--protocol", str(overlay)], tmp_path / "results", trainer)
    assert trainer.calls == []


def test_a_file_here_that_is_called_as_one_of_the_repository_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gan_25gaussians.yaml").write_text("base: gan_25gaussians\ntrainer: {max_epochs: 1}\n")
    trainer = Trainer(tmp_path)
    with pytest.raises(
        InputError, match=r"Expected .*configs.gan_25gaussians.yaml but .* has its name and comes first"
    ):
        run(["gan_25gaussians"], tmp_path / "results", trainer)
    assert trainer.calls == []


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["--config", "gan_25gaussians"], ["--trainer.devices", "1"]),
        (["--config", "gan_25gaussians", "--trainer.devices", "2"], []),
        (["--config", "mi_gaussian_2d"], []),  # a study has no Trainer of its own
        (["--resume", "somewhere"], []),
    ],
)
def test_a_row_is_trained_on_one_device_however_many_there_are(monkeypatch, words, added):
    started = []
    monkeypatch.setattr(
        "subprocess.run", lambda command, check: started.append(command) or SimpleNamespace(returncode=0)
    )
    assert campaign._train(words) == 0
    assert started[0][2:] == words + added
