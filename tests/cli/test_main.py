"""The command line: what it lists and prints, and wrong input in one sentence."""

import errno
import pydoc
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mine_lightning.cli import main

ROOT = Path(__file__).parents[2]
SMALL = ["--config", "gan_stacked_mnist", "--config", "smoke"]
pytestmark = pytest.mark.usefixtures("quick_judge")


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


@pytest.mark.parametrize(("number", "told"), [(errno.ENOSPC, True), (errno.EIO, False)])
def test_a_full_disk_is_told_whoever_writes(tmp_path, capsys, monkeypatch, number, told):
    def fails(*args):
        raise OSError(number, "it fails", "samples.png")

    monkeypatch.setattr("mine_lightning.cli.trainings.start", fails)
    words = [*SMALL, "--output", str(tmp_path)]
    if told:
        assert main(words) == 2
        assert "error: Expected room on the disk but there is none ([Errno 28] it fails: 'samples.png')" in (
            capsys.readouterr().err
        )
    else:
        with pytest.raises(OSError, match="it fails"):
            main(words)


def test_an_overlay_before_its_experiment_is_told(capsys):
    assert main(["--config", "small", "--config", "gan_stacked_mnist"]) == 2
    told = capsys.readouterr().err
    assert "Expected an experiment first but small is an overlay" in told
    assert "--config gan_stacked_mnist --config small." in told
