"""A training from end to end, on a GAN that trains in seconds."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from cases import assert_same

from mine_lightning.cli import announcements, configs, main, trainings
from mine_lightning.cli.trainings import resolved
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.mode_counts import read_mode_counts

SMALL = ["--config", "gan_stacked_mnist", "--config", "smoke"]
pytestmark = pytest.mark.usefixtures("quick_judge")


def run(tmp_path, *words):
    assert main([*SMALL, "--output", str(tmp_path), *words]) == 0
    return only_folder(tmp_path)


def test_one_run_leaves_everything_in_its_folder(tmp_path, capsys):
    began = time.perf_counter()
    folder = run(tmp_path, "--seed", "3")
    took = time.perf_counter() - began
    assert folder.name.startswith("smoke-sklearn-digits-seed3-")
    summary = json.loads((folder / "summary.json").read_text())
    keys = ["experiment", "protocol", "dataset", "seed", "steps", "metrics", "config_hash", "wall_time_s", "hardware"]
    assert set(keys) | {"versions", "commit"} <= set(summary)
    assert (summary["experiment"], summary["protocol"], summary["dataset"]) == (
        "gan_stacked_mnist",
        "smoke",
        "sklearn-digits",
    )
    assert (summary["seed"], summary["steps"]) == (3, 8)
    # from above, for training was once counted twice; a first run also imports, which is not the run's time
    assert 0 < summary["wall_time_s"] <= took + 0.1
    assert {"modes", "kl", "floor_modes", "floor_kl", "mi"} <= set(summary["metrics"])
    assert isinstance(summary["metrics"]["modes"], int)
    assert sorted(path.name for path in (folder / "samples").iterdir()) == ["step-000004.png", "step-000008.png"]
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "epoch-000.ckpt",
        "epoch-001.ckpt",
        "last.ckpt",
    ]
    modes = read_mode_counts(folder / "modes.csv")
    assert [sum(counts) for counts in modes.values()] == [128, 128]
    assert sum(count > 0 for count in modes[8]) == summary["evaluations"][-1]["modes"]
    page = (folder / "report.html").read_text()
    assert page.count("<img ") == 2
    assert f'<td class="number">{summary["metrics"]["kl"]:g}</td>' in page
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"lr/generator", "lr/discriminator"} <= set(rows[0])
    assert {"step", "mine/mi", "mine/clip", "train/loss_d", "val/modes", "val/kl", "val/mi", "test/kl"} <= set(rows[0])
    assert [row["step"] for row in rows if row["val/modes"]] == ["3", "7"]
    out = capsys.readouterr().out
    assert "data set     sklearn-digits" in out
    assert "MINE         maximize I(x; z), x = output:generator" in out
    assert "perfect generator" in out
    assert "published" not in out  # nobody has published eight steps
    assert "report.html " in out
    assert str(folder) in out
    assert "precision    " in out


def test_where_gradients_are_accumulated_all_of_a_run_counts_batches(tmp_path):
    words = ["--config", "ib_mnist_mine_additive", "--config", "smoke", "--data.held_out", "64"]
    words += ["--model.encoder.hidden", "[16]", "--mine.statistics_network.hidden", "[16]", "--trainer.max_epochs", "3"]
    words += ["--trainer.check_val_every_n_epoch", "1", "--trainer.accumulate_grad_batches", "3"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    (folder,) = (tmp_path / "ib_mnist_mine_additive").iterdir()
    summary, rows = json.loads((folder / "summary.json").read_text()), (folder / "metrics.csv").read_text()
    assert summary["steps"] == 12
    assert [point["step"] for point in summary["evaluations"]] == [4, 8, 12]
    (folder / "checkpoints" / "last.ckpt").write_bytes((folder / "checkpoints" / "epoch-000.ckpt").read_bytes())
    assert main(["--resume", str(folder)]) == 0
    assert (folder / "metrics.csv").read_text() == rows  # the test's too, of the weights that were trained last
    names = ["epoch-000.ckpt", "epoch-001.ckpt", "epoch-002.ckpt", "last.ckpt"]
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == names


def test_a_run_goes_on_in_the_precision_that_it_was_started_in(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trainings, "choose_precision", lambda accelerator: ("bf16-mixed", "this machine has it"))
    folder = run(tmp_path)
    monkeypatch.setattr(trainings, "choose_precision", lambda accelerator: ("32-true", "this one has not"))
    monkeypatch.setattr(announcements, "choose_precision", lambda accelerator: ("32-true", "this one has not"))
    assert main(["--resume", str(folder)]) == 0
    assert "precision    bf16-mixed, as it was started" in capsys.readouterr().out
    assert json.loads((folder / "summary.json").read_text())["precision"] == "bf16-mixed"


def test_the_term_can_be_taken_off(tmp_path, capsys):
    folder = run(tmp_path, "--mine", "null")
    assert "MINE         off" in capsys.readouterr().out
    assert "mine/mi" not in (folder / "metrics.csv").read_text()
    assert yaml.safe_load((folder / "config.yaml").read_text())["mine"] is None


def test_same_seed_same_result(tmp_path):
    a, b = (run(tmp_path / name) for name in "ab")
    first, second = (torch.load(folder / "checkpoints/last.ckpt", weights_only=True) for folder in (a, b))
    for key, value in first["state_dict"].items():
        assert torch.equal(value, second["state_dict"][key])


def test_a_finished_runs_config_starts_the_same_run_again(tmp_path):
    folder = run(tmp_path / "a")
    assert main(["--config", str(folder / "config.yaml"), "--output", str(tmp_path / "b")]) == 0
    again = only_folder(tmp_path / "b")
    first, second = (json.loads((path / "summary.json").read_text()) for path in (folder, again))
    assert first["metrics"] == second["metrics"]
    ready = yaml.safe_load((folder / "config.yaml").read_text())
    configs.override(ready, "seed_everything", 7)  # --seed sets them all, where none was written
    plain = resolved(ready)
    assert (plain["mine"]["seed"], plain["data"]["init_args"]["seed"]) == (7, 7)


# a process of its own, with the quick judge; DYING is the batch of the second epoch in which it is killed
CODE = """
import os, signal, sys, torch
# where the tests themselves run in the background, a shell has told them to ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads({threads})  # as in this process: sums are bitwise the same on as many threads only
from mine_lightning.cli import main
from mine_lightning.hosts.dcgan import DCGAN
from mine_lightning.judges import digits
train, step, dying = digits._train, DCGAN.training_step, os.environ.get("DYING")
digits._train = lambda images: train(images, batches=3)
def training_step(self, batch, batch_idx):
    if dying and self.trainer.current_epoch == 1 and batch_idx == int(dying):
        os.kill(os.getpid(), 9)
    return step(self, batch, batch_idx)
DCGAN.training_step = training_step
sys.exit(main())
"""


def start(tmp_path, *words, **environment):
    code = CODE.replace("{threads}", str(torch.get_num_threads()))
    command = [sys.executable, "-c", code, *SMALL, "--output", str(tmp_path), *words]
    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def only_folder(tmp_path):
    (folder,) = (tmp_path / "gan_stacked_mnist").iterdir()
    return folder


def test_a_killed_run_goes_on_and_ends_bitwise_where_an_uninterrupted_one_does(tmp_path, capsys):
    process = start(tmp_path / "killed", "--trainer.max_epochs", "3", DYING="2")
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    killed = only_folder(tmp_path / "killed")
    identity = RunFolder(killed).identity
    assert not (killed / "summary.json").exists()
    assert main(["--resume", str(killed)]) == 0
    assert "going on after step 4" in capsys.readouterr().out
    whole = run(tmp_path / "whole", "--trainer.max_epochs", "3")
    first, second = (torch.load(folder / "checkpoints/last.ckpt", weights_only=True) for folder in (killed, whole))
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert_same(first[part], second[part])
    terms = [next(v for k, v in saved["callbacks"].items() if k.startswith("MINE")) for saved in (first, second)]
    assert_same(*terms)
    a, b = (json.loads((folder / "summary.json").read_text()) for folder in (killed, whole))
    assert a["metrics"] == b["metrics"]
    assert a["steps"] == b["steps"] == 12
    assert a["config_hash"] == b["config_hash"]
    assert RunFolder(killed).identity == identity
    # killed in its last test, a run has nothing left to train, and its time is that of all its sessions
    (killed / "summary.json").unlink()
    first["callbacks"]["Timer"]["time_elapsed"]["train"] += 1000.0
    torch.save(first, killed / "checkpoints/last.ckpt")
    assert main(["--resume", str(killed)]) == 0
    again = json.loads((killed / "summary.json").read_text())
    assert again["metrics"] == a["metrics"]
    assert 1000 < again["wall_time_s"] < 1200
    assert {"mi", "mi_stderr"} <= set(a["metrics"])
    with (killed / "metrics.csv").open(newline="") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["val/modes"]]
    assert steps == [3, 7, 11]


def test_plain_ddp_of_a_gan_is_told_in_one_line(tmp_path):
    # as a user starts it: the second process is Lightning's
    process = start(
        tmp_path,
        "--trainer.devices",
        "2",
        "--trainer.strategy",
        "ddp",
        "--trainer.accelerator",
        "cpu",
        "--mine",
        "null",
    )
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in error
    assert "give --trainer.strategy ddp_find_unused_parameters_true" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_leave_a_folder_that_resumes(tmp_path, capsys, number):
    process = start(tmp_path, "--trainer.max_epochs", "500")
    deadline = time.monotonic() + 90
    while not list(tmp_path.rglob("last.ckpt")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.3)
    assert main(["--resume", str(only_folder(tmp_path))]) == 2  # one process at a time
    assert "to be free but another process works on it" in capsys.readouterr().err
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == (143 if number == signal.SIGTERM else 1)
    assert "Go on with: python train.py --resume" in error
    folder = only_folder(tmp_path)
    assert RunFolder.open(folder).last_checkpoint.is_file()
    assert torch.load(RunFolder.open(folder).last_checkpoint, weights_only=True)["state_dict"]


def test_a_run_that_goes_on_by_an_edited_config_has_the_hash_of_no_table(tmp_path):
    folder = run(tmp_path)
    before = json.loads((folder / "summary.json").read_text())
    config = folder / "config.yaml"
    longer = re.sub(r"max_epochs: (\d+)", lambda found: f"max_epochs: {int(found[1]) + 1}", config.read_text())
    assert longer != config.read_text()
    config.write_text(longer)
    with pytest.warns(UserWarning, match="was edited since the run began"):
        assert main(["--resume", str(folder)]) == 0
    after = json.loads((folder / "summary.json").read_text())
    assert after["steps"] > before["steps"]
    assert after["config_hash"] == before["config_hash"] + "-edited"
    assert "was edited since the run began" in (folder / "warnings.txt").read_text()


def test_resume_on_another_data_set_is_told(tmp_path, capsys):
    folder = run(tmp_path)
    identity = RunFolder(folder).identity
    del identity["wandb_id"]
    RunFolder(folder).write_identity(**{**identity, "dataset": "mnist"})
    assert main(["--resume", str(folder)]) == 2
    assert "Expected the data set 'mnist'" in capsys.readouterr().err
