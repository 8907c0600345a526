"""A host from its run folder is the one that was trained, and loading it changes nothing else."""

import json
import random
import shutil

import numpy as np
import pytest
import torch
import yaml
from cases import assert_same

import mine_lightning
from mine_lightning import load_host
from mine_lightning.cli import main
from mine_lightning.networks import ConvGenerator
from mine_lightning.networks.latents import CodeAndNoise

GAN, CLASSIFIER = "gan_stacked_mnist", "ib_mnist_baseline"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A GAN and a classifier, both trained for eight steps."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:  # the fixture that does so for every test starts after this one
        patch.setenv("MINE_LIGHTNING_CACHE", str(root / "cache"))
        patch.setenv("WANDB_MODE", "disabled")
        patch.setattr("mine_lightning.data.digit_images._download", lambda cache: None)
        from mine_lightning.judges import digits

        train = digits._train
        patch.setattr(digits, "_train", lambda images: train(images, batches=3))
        for name in (GAN, CLASSIFIER):
            words = ["--config", name, "--config", "smoke", "--trainer.precision", "32-true", "--output", str(root)]
            assert main(words) == 0
            patch.delenv("MINE_LIGHTNING_RUN_FOLDER")
    return {name: next((root / name).iterdir()) for name in (GAN, CLASSIFIER)}


@pytest.fixture
def folder(runs, tmp_path):
    """A copy of the GAN's folder, to damage."""
    shutil.copytree(runs[GAN], tmp_path / "run")
    return tmp_path / "run"


def saved(run, name="last.ckpt"):
    return torch.load(run / "checkpoints" / name, weights_only=True)


def test_a_generator_generates_what_its_weights_do(runs):
    host = load_host(runs[GAN])
    assert type(host) is mine_lightning.DCGAN
    assert not any(module.training for module in host.modules())
    by_hand = ConvGenerator(latent=110, width=32).eval()
    state = saved(runs[GAN])["state_dict"]
    by_hand.load_state_dict({k.removeprefix("generator."): v for k, v in state.items() if k.startswith("generator.")})
    latents = CodeAndNoise(code=10, noise=100)(16, torch.device("cpu"), torch.Generator().manual_seed(0))
    images = host(host.latents(16, host.device, torch.Generator().manual_seed(0)))
    assert images.shape == (16, 3, 28, 28)
    assert torch.equal(images, by_hand(latents))


def test_a_classifier_has_its_averaged_weights_and_errs_as_it_did_in_its_test(runs):
    host, checkpoint = load_host(runs[CLASSIFIER]), saved(runs[CLASSIFIER])
    assert_same(dict(host.state_dict()), dict(checkpoint["state_dict"]))
    trained = checkpoint["current_model_state"]  # beside the average
    assert any(not torch.equal(weight, trained[name]) for name, weight in host.state_dict().items())
    config = yaml.safe_load((runs[CLASSIFIER] / "config.yaml").read_text())["data"]["init_args"]
    data = mine_lightning.FlatMNIST(**config)
    data.setup("test")
    wrong = torch.cat([host(x).argmax(dim=1) != labels for x, labels in data.test_dataloader()])
    assert len(wrong) == 128
    summary = json.loads((runs[CLASSIFIER] / "summary.json").read_text())
    assert wrong.double().mean() * 100 == pytest.approx(summary["metrics"]["test_error_percent"], abs=1e-3)


def test_a_checkpoint_can_be_named(runs):
    path = runs[GAN] / "checkpoints" / "epoch-000.ckpt"
    assert_same(dict(load_host(str(path)).state_dict()), dict(saved(runs[GAN], "epoch-000.ckpt")["state_dict"]))
    first, last = (next(load_host(run).generator.parameters()) for run in (path, runs[GAN]))
    assert not torch.equal(first, last)


def test_two_files_are_enough(runs, tmp_path):
    shutil.copy(runs[GAN] / "config.yaml", tmp_path)
    shutil.copy(runs[GAN] / "checkpoints" / "last.ckpt", tmp_path / "mine.ckpt")
    assert_same(dict(load_host(tmp_path / "mine.ckpt").state_dict()), dict(saved(runs[GAN])["state_dict"]))


def test_neither_data_nor_term_are_built_and_no_random_stream_moves(runs, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("built")

    monkeypatch.setattr("mine_lightning.data.stacked_mnist.StackedMNIST.__init__", refuse)
    monkeypatch.setattr("mine_lightning.regularizer.callback.MINERegularizer.__init__", refuse)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    load_host(runs[GAN])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


def told(path):
    with pytest.raises(mine_lightning.InputError) as caught:
        load_host(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


def test_a_path_to_nothing(tmp_path):
    assert "Expected a run folder or a checkpoint at" in told(tmp_path / "nowhere")


def test_a_folder_that_is_no_run(tmp_path):
    assert "Expected a run folder at" in told(tmp_path)


def test_a_run_without_a_checkpoint(folder):
    (folder / "checkpoints" / "last.ckpt").unlink()
    assert "but there is none; name the checkpoint itself" in told(folder)


def test_a_checkpoint_without_a_config(folder, tmp_path):
    alone = tmp_path / "a" / "b" / "last.ckpt"
    alone.parent.mkdir(parents=True)
    shutil.copy(folder / "checkpoints" / "last.ckpt", alone)
    assert "Expected the config.yaml of its run beside the checkpoint" in told(alone)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "no weights", "code"])
def test_a_damaged_checkpoint(folder, damage):
    checkpoint = folder / "checkpoints" / "last.ckpt"
    whole = checkpoint.read_bytes()
    if damage == "no weights":
        torch.save({"epoch": 1}, checkpoint)
    elif damage == "code":  # weights_only refuses what a pickle could run
        torch.save({"state_dict": Trap(folder / "sprung")}, checkpoint)
    else:
        checkpoint.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"weights"}[damage])
    expected = "Expected tensors and plain values in" if damage == "code" else "Expected a Lightning checkpoint in"
    assert expected in told(folder)
    assert not (folder / "sprung").exists()


class Trap:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def change(folder, change):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    change(config)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def test_weights_of_another_host(folder):
    change(folder, lambda c: c["model"]["init_args"]["generator"]["init_args"].update(width=16))
    assert "Expected the weights of DCGAN in" in told(folder)


def test_a_config_without_a_host(folder):
    change(folder, lambda c: c.pop("model"))
    assert "to describe a host under the key model but it has none" in told(folder)


def test_a_class_that_is_not_installed(folder):
    change(folder, lambda c: c["model"].update(class_path="elsewhere.GAN"))
    assert "there is no module 'elsewhere'" in told(folder)


def test_a_class_that_is_no_host(folder):
    change(folder, lambda c: c.update(model={"class_path": "subprocess.Popen", "init_args": {"args": ["true"]}}))
    assert "LightningModule" in told(folder)
