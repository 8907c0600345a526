"""ModeCoverage on a host whose samples are known, with a judge that reads a pixel."""

import math

import pytest
import torch
from cases import trainer
from pytorch_lightning import LightningDataModule, LightningModule
from torch.utils.data import DataLoader

from mine_lightning.errors import InputError
from mine_lightning.evaluations.mode_coverage import ModeCoverage
from mine_lightning.judges.digits import DigitJudge
from mine_lightning.networks.classifiers import DigitClassifier


class PixelJudge:
    """The digit of an image is its first pixel."""

    accuracy = 1.0

    def read(self, images):
        return images[:, :, 0, 0].long()


def digits(n, low=0, high=10):
    return (
        torch.randint(low, high, (n, 3, 1, 1), generator=torch.Generator().manual_seed(1)).float().expand(-1, 3, 2, 2)
    )


class Host(LightningModule):
    def __init__(self, samples):
        super().__init__()
        self.samples = samples

    def validation_step(self, batch, batch_idx):
        return {"samples": self.samples[: len(batch)]} if self.samples is not None else None

    test_step = validation_step


class Data(LightningDataModule):
    digits = "digits"

    def val_dataloader(self):
        return DataLoader(digits(5000), 1000)

    test_dataloader = val_dataloader


@pytest.fixture
def coverage(monkeypatch):
    monkeypatch.setattr("mine_lightning.evaluations.mode_coverage.DigitJudge.trained_on", lambda digits: PixelJudge())
    return ModeCoverage()


def test_scores_samples_in_validation_and_real_images_beside_them_in_the_test(tmp_path, coverage):
    host = Host(digits(1000, 0, 2))  # the digits 0 and 1: 8 modes
    validation = trainer(tmp_path, coverage).validate(host, Data(), verbose=False)[0]
    assert validation["val/modes"] == 8
    assert validation["val/kl"] == pytest.approx(torch.tensor(1000 / 8).log().item(), abs=0.02)
    test = trainer(tmp_path, coverage).test(host, Data(), verbose=False)[0]
    assert test["test/modes"] == 8
    real = torch.bincount((digits(5000)[:, :, 0, 0].long() @ torch.tensor([100, 10, 1])), minlength=1000)
    assert test["test/floor_modes"] == (real > 0).sum()
    assert test["test/floor_kl"] < 0.2
    assert coverage.judge_accuracy == 1.0


def test_a_sample_that_is_not_finite_counts_for_no_mode(tmp_path, coverage):
    samples = digits(1000, 1, 2)  # all of mode 111
    samples = torch.where(torch.arange(1000).view(-1, 1, 1, 1) % 2 == 0, samples, torch.nan)
    found = trainer(tmp_path, coverage).validate(Host(samples), Data(), verbose=False)[0]
    assert found["val/modes"] == 1
    assert found["val/kl"] == pytest.approx(math.log(1000))
    found = trainer(tmp_path, coverage).validate(Host(torch.full_like(samples, torch.nan)), Data(), verbose=False)[0]
    assert found["val/modes"] == 0
    assert math.isnan(found["val/kl"])


def test_images_of_one_channel_are_told(tmp_path, coverage):
    with pytest.raises(InputError, match="Expected images of 3 channels, a digit on each, but got 1"):
        trainer(tmp_path, coverage).validate(Host(digits(1000)[:, :1]), Data(), verbose=False)


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 3, 28)])
def test_samples_that_are_no_images_are_told(tmp_path, monkeypatch, shape):
    judge = DigitJudge(DigitClassifier(), accuracy=1.0)
    monkeypatch.setattr("mine_lightning.evaluations.mode_coverage.DigitJudge.trained_on", lambda digits: judge)
    with pytest.raises(InputError, match=r"Expected images \[n, c, 28, 28\] for the judge of digits but got shape \[5"):
        trainer(tmp_path, ModeCoverage()).validate(Host(torch.zeros(shape)), Data(), verbose=False)


def test_counts_start_anew_at_each_evaluation(tmp_path, coverage):
    run, host = trainer(tmp_path, coverage), Host(digits(1000, 0, 2))
    run.validate(host, Data(), verbose=False)
    host.samples = digits(1000, 3, 4)
    assert run.validate(host, Data(), verbose=False)[0]["val/modes"] == 1


def test_the_judge_stays_out_of_the_host(tmp_path, coverage):
    host = Host(digits(1000))
    trainer(tmp_path, coverage).validate(host, Data(), verbose=False)
    assert not host.state_dict()


def test_a_host_without_samples_is_told(tmp_path, coverage):
    with pytest.raises(InputError, match=r"Expected Host to return \{'samples': images\}"):
        trainer(tmp_path, coverage).validate(Host(None), Data(), verbose=False)


def test_a_datamodule_without_digits_is_told(tmp_path):
    with pytest.raises(InputError, match="Expected a datamodule with digits"):
        trainer(tmp_path, ModeCoverage()).validate(Host(digits(1)), DataLoader(digits(5), 5), verbose=False)
