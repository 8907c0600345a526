"""Reconstruction on a host whose reconstructions are known, with a judge that reads a pixel."""

import math

import pytest
import torch
from cases import trainer
from faces import write_faces
from pytorch_lightning import LightningDataModule, LightningModule
from torch.utils.data import DataLoader

from mine_lightning.data.celeba import CelebA
from mine_lightning.errors import InputError
from mine_lightning.evaluations import reconstruction as room
from mine_lightning.evaluations.reconstruction import Reconstruction
from mine_lightning.metrics.pair_similarity import pair_similarities

IMAGES = torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 2 - 1


class PixelJudge:
    """The label of an image is the sign of its first pixel."""

    accuracy = 0.9

    def read(self, images):
        return images[:, 0, 0, 0] > 0


class Host(LightningModule):
    """Brings images back with what ``change`` does to them."""

    def __init__(self, change=lambda images: images):
        super().__init__()
        self.change = change

    def validation_step(self, batch, batch_idx):
        return {"x": batch, "reconstruction": self.change(batch)}

    test_step = validation_step


class Data(LightningDataModule):
    digits = "digits"

    def val_dataloader(self):
        return DataLoader(IMAGES, 25)

    test_dataloader = val_dataloader


@pytest.fixture
def scores(monkeypatch):
    monkeypatch.setattr(room.DigitJudge, "trained_on", lambda digits: PixelJudge())
    return Reconstruction()


def first_mirrored(batch):
    """Turn the sign of the first pixel in one image of a batch, and fade all images."""
    faded = 0.5 * batch
    faded[0, 0, 0, 0] *= -1
    return faded


def test_validation_and_test_log_the_three_scores(tmp_path, scores):
    run, host = trainer(tmp_path, scores), Host(first_mirrored)
    validation, test = (step(host, Data(), verbose=False)[0] for step in (run.validate, run.test))
    again = torch.cat([first_mirrored(batch) for batch in IMAGES.split(25)])
    expected = {
        "recon_error": (IMAGES - again).square().sum(dim=(1, 2, 3)).sqrt().mean().item(),
        "recon_accuracy": 1 - 3 / 60,
        "ms_ssim": pair_similarities(IMAGES, again).mean().item(),
    }
    for found, prefix in ((validation, "val/"), (test, "test/")):
        assert found == {f"{prefix}{name}": pytest.approx(value, rel=1e-4) for name, value in expected.items()}
    assert scores.judge_accuracy == 0.9


def test_a_reconstruction_that_is_not_finite_keeps_no_label(tmp_path, scores):
    def broken(batch):
        again = batch.clone()
        again[0, 0, 5, 5] = math.nan
        again[1] = math.inf
        return again

    found = trainer(tmp_path, scores).validate(Host(broken), Data(), verbose=False)[0]
    assert found["val/recon_accuracy"] == pytest.approx(1 - 6 / 60)


def test_scores_start_anew_at_each_evaluation(tmp_path, scores):
    run, host = trainer(tmp_path, scores), Host(first_mirrored)
    run.validate(host, Data(), verbose=False)
    host.change = lambda batch: batch
    found = run.validate(host, Data(), verbose=False)[0]
    assert found["val/recon_error"] == 0
    assert found["val/recon_accuracy"] == 1
    assert found["val/ms_ssim"] == pytest.approx(1, abs=1e-5)


def test_the_judge_stays_out_of_the_host(tmp_path, scores):
    host = Host()
    trainer(tmp_path, scores).validate(host, Data(), verbose=False)
    assert not host.state_dict()


def test_faces_are_judged_by_their_attributes(tmp_path, monkeypatch):
    class Attributes(PixelJudge):
        def read(self, images):
            return (images[:, 0, 0, :3] > 0).flatten(1)

    asked = []
    monkeypatch.setattr(room.AttributeJudge, "trained_on", lambda faces: asked.append(faces.name) or Attributes())
    data = CelebA(str(write_faces(tmp_path)), workers=0)
    found = trainer(tmp_path, Reconstruction()).validate(Host(), data, verbose=False)[0]
    assert asked == ["celeba-40"]
    assert found["val/recon_accuracy"] == 1


@pytest.mark.parametrize(("outputs", "got"), [(None, "NoneType"), ({"samples": 1}, "a dict of samples")])
def test_a_host_without_reconstructions_is_told(tmp_path, scores, outputs, got):
    host = Host()
    host.validation_step = lambda batch, batch_idx: outputs
    with pytest.raises(InputError, match=rf"'reconstruction': images\}} .* but got {got}; return them, or take"):
        trainer(tmp_path, scores).validate(host, Data(), verbose=False)


def test_a_datamodule_that_a_judge_cannot_learn_from_is_told(tmp_path):
    with pytest.raises(InputError, match="Expected a datamodule with digits or faces"):
        trainer(tmp_path, Reconstruction()).validate(Host(), DataLoader(IMAGES, 5), verbose=False)
