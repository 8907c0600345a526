"""MixtureCoverage on a host whose samples are known: counts, floors, and what it must be given."""

import pytest
import torch
from cases import trainer
from pytorch_lightning import LightningModule
from torch.utils.data import DataLoader

from mine_lightning.data.toy_mixtures import GaussianGrid, ToyMixture
from mine_lightning.errors import InputError
from mine_lightning.evaluations.mixture_coverage import MixtureCoverage


class Host(LightningModule):
    """Returns the same samples for every batch."""

    def __init__(self, samples):
        super().__init__()
        self.samples = samples

    def validation_step(self, batch, batch_idx):
        return {"samples": self.samples} if self.samples is not None else None

    test_step = validation_step


def data():
    return ToyMixture(GaussianGrid(), train_size=100, eval_batch_size=500)


def test_scores_samples_in_validation_and_real_points_beside_them_in_the_test(tmp_path):
    host = Host(torch.cat([GaussianGrid().centres[:7], torch.full((7, 2), 1.0)]))
    run = trainer(tmp_path, MixtureCoverage())
    validation = run.validate(host, data(), verbose=False)[0]
    assert validation == {"val/modes": 7, "val/high_quality": 0.5}
    test = run.test(host, data(), verbose=False)[0]
    assert (test["test/modes"], test["test/high_quality"]) == (7, 0.5)
    assert test["test/floor_modes"] == 25
    assert test["test/floor_high_quality"] == pytest.approx(0.989, abs=0.01)


def test_the_radius_is_the_mixtures_own(tmp_path):
    mixture = GaussianGrid()
    mixture.radius = 1.0
    centres = mixture.centres[:7]
    host = Host(torch.cat([centres, centres + torch.tensor([0.1, 0.0])]))  # two standard deviations off
    points = ToyMixture(mixture, train_size=100, eval_batch_size=500)
    found = trainer(tmp_path, MixtureCoverage()).validate(host, points, verbose=False)[0]
    assert found == {"val/modes": 7, "val/high_quality": 0.5}


def test_counts_start_anew_at_each_evaluation(tmp_path):
    run, host = trainer(tmp_path, MixtureCoverage()), Host(GaussianGrid().centres[:7])
    run.validate(host, data(), verbose=False)
    host.samples = torch.cat([GaussianGrid().centres[20:], torch.ones(15, 2)])
    assert run.validate(host, data(), verbose=False)[0] == {"val/modes": 5, "val/high_quality": 0.25}


def test_a_host_without_samples_is_told(tmp_path):
    with pytest.raises(InputError, match="take MixtureCoverage off"):
        trainer(tmp_path, MixtureCoverage()).validate(Host(None), data(), verbose=False)


def test_a_datamodule_without_a_mixture_is_told(tmp_path):
    loader = DataLoader(torch.ones(5, 2), 5)
    with pytest.raises(InputError, match="Expected a datamodule with a mixture"):
        trainer(tmp_path, MixtureCoverage()).validate(Host(torch.ones(5, 2)), loader, verbose=False)
