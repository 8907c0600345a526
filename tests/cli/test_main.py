"""The command line from end to end, on a GAN that trains in seconds."""

import csv
import json
import os
import pydoc
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from cases import assert_same

from mine_lightning.cli import configs, main
from mine_lightning.cli.main import resolved
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.mode_counts import read_mode_counts

ROOT = Path(__file__).parents[2]
SMALL = ["--config", "gan_stacked_mnist", "--config", "smoke"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """A judge of three batches: these tests look at the plumbing."""
    from mine_lightning.judges import digits

    train = digits._train
    monkeypatch.setattr(digits, "_train", lambda images: train(images, batches=3))


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
    assert {"lr-Adam", "lr-Adam-1"} <= set(rows[0])
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
    plain = resolved(ready)[1]
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


def test_resume_on_another_data_set_is_told(tmp_path, capsys):
    folder = run(tmp_path)
    identity = RunFolder(folder).identity
    del identity["wandb_id"]
    RunFolder(folder).write_identity(**{**identity, "dataset": "mnist"})
    assert main(["--resume", str(folder)]) == 2
    assert "Expected the data set 'mnist'" in capsys.readouterr().err


def test_alone_it_lists_the_experiments(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "gan_stacked_mnist_dcgan " in out
    assert "GAN+MINE on Stacked MNIST" in out
    assert out.index("overlays") < out.index("no_penalty  ")


def test_a_reader_that_has_seen_enough_is_no_error():
    words = shlex.join([sys.executable, str(ROOT / "train.py"), "--config", "gan_stacked_mnist", "--print_config"])
    shell = f"set -o pipefail; {words} | (exec <&-)"  # reads nothing
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_print_config_prints_what_can_be_read_back(capsys):
    assert main(["--config", "gan_stacked_mnist", "--mine.beta", "0.25", "--print_config"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["mine"]["beta"] == 0.25
    assert config["trainer"]["precision"] == "auto"


def test_the_runs_seed_is_the_datas_and_the_terms_unless_they_have_their_own(capsys):
    def seeds(*words):
        assert main(["--config", "gan_stacked_mnist", "--print_config", *words]) == 0
        config = yaml.safe_load(capsys.readouterr().out)
        return config["seed_everything"], config["data"]["init_args"]["seed"], config["mine"]["seed"]

    assert seeds() == (0, 0, 0)
    assert seeds("--seed", "3") == (3, 3, 3)
    assert seeds("--seed", "3", "--data.seed", "5") == (3, 5, 3)


# the discriminator runs on real digits too, of which the callback tells first
@pytest.mark.filterwarnings("ignore:.output.discriminator. was captured again")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--config", "gan_stackd"], "nearest: gan_stacked_mnist"),
        (["--config", "gan_stacked_mnist", "--trainer.max_epoch", "1"], "did you mean 'max_epochs'?"),
        (["--config", "gan_stacked_mnist", "--mine.direction", "up"], "for mine.direction but got 'up'"),
        (["--config", "gan_stacked_mnist", "--mine.beta", "-1"], "Expected finite beta >= 0"),
        (["--config", "gan_stacked_mnist", "--mine.z", "code"], "start it with one of output:"),
        (["--config", "gan_stacked_mnist", "--data.root", "/nowhere"], "the folder that data.root names"),
        (["--resume", "/nowhere"], "Expected a run folder at /nowhere"),
        (["--mine", "null"], "Expected --config NAME beside the overrides"),
        ([*SMALL, "--mine.z", "input:generater[:, :10]"], "did you mean input:generator?"),
        ([*SMALL, "--mine.x", "output:discriminator"], "Expected x to be images"),
        ([*SMALL, "--mine.x", "batch:"], "carries a gradient"),
        ([*SMALL, "--mine.x", "output:generator[::-1]"], "correct the brackets"),
        (
            [*SMALL, "--mine.statistics_network.class_path", "torch.nn.Linear"],
            "Expected statistics_network to make a module",
        ),
        ([*SMALL, "--model.penalty.gamma", "-1"], "Expected gamma >= 0 and every >= 1 but got -1"),
        ([*SMALL, "--data.batch_size", "0"], "Expected 1 <= batch_size <= train_size"),
        ([*SMALL, "--data.train_size", "8"], "Expected 1 <= batch_size <= train_size"),
        ([*SMALL, "--trainer.accelerator", "foo"], "Expected arguments of the Trainer that fit"),
        ([*SMALL, "--trainer.strategy", "foo"], "Expected arguments of the Trainer that fit"),
        ([*SMALL, "--trainer.max_epochs", "0"], "Expected trainer.max_epochs above 0"),
        ([*SMALL, "--trainer.check_val_every_n_epoch", "0"], "Expected trainer.check_val_every_n_epoch above 0"),
        ([*SMALL, "--trainer", "null"], "Expected trainer to have keys"),
        ([*SMALL, "--trainer.callbacks", "{a: 1}"], "Expected trainer.callbacks to be a list"),
        ([*SMALL, "--seed", "-1"], "Expected a seed from 0"),
        ([*SMALL, "--protocol", "../x"], "Expected protocol to be a word"),
        ([*SMALL, "--model.class_path", "null"], "Expected model.class_path to name a class but got None"),
        ([*SMALL, "--trainer.gradient_clip_val", "1.0"], "gradient clipping is not supported for manual optimization"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*was captured 3 times")  # a discriminator: that it is no image is told after
def test_wrong_input_gets_one_sentence_and_exit_code_2(tmp_path, capsys, words, message):
    assert main([*words, *([] if "--resume" in words else ["--output", str(tmp_path)])]) == 2
    error = capsys.readouterr().err
    line = next(line for line in error.splitlines() if line.startswith("error: "))
    assert message.lower() in line.lower()
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("where", "attribute", "message"),
    [
        ("mine_lightning.DCGAN", "test_step", "Expected DCGAN to have a test_step, since a run is tested at its end"),
        ("mine_lightning.StackedMNIST", "test_dataloader", "Expected StackedMNIST to have a test_dataloader, since"),
    ],
)
def test_what_cannot_be_tested_is_told_before_it_is_trained(tmp_path, capsys, monkeypatch, where, attribute, message):
    owner = pydoc.locate(where)
    monkeypatch.setattr(owner, attribute, getattr(owner.__base__, attribute))
    assert main([*SMALL, "--output", str(tmp_path / "runs")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_damaged_data_file_is_told_with_its_path(tmp_path, capsys):
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte").write_bytes(b"\x00\x00\x08\x03cut")
    assert main([*SMALL, "--data.root", str(tmp_path), "--output", str(tmp_path)]) == 2
    assert f"{tmp_path}/train-images-idx3-ubyte" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([*SMALL, "--output", str(tmp_path / "file")]) == 2
    assert "choose another place with --output" in capsys.readouterr().err
