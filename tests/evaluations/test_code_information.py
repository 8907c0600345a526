"""CodeInformation on a host whose code has known information."""

import math

import pytest
import torch
from cases import trainer
from pytorch_lightning import LightningModule
from torch.utils.data import DataLoader

from mine_lightning.evaluations.code_information import CodeInformation
from mine_lightning.metrics.known_density import known_density_bounds

X = torch.randn(1500, 1, generator=torch.Generator().manual_seed(1))
E = torch.randn(1500, 1, generator=torch.Generator().manual_seed(2))


class Host(LightningModule):
    """z = x + e / 2."""

    known = True

    def validation_step(self, batch, batch_idx):
        x = batch
        z = x + 0.5 * E[400 * batch_idx :][: len(x)]
        return {"z": z, "mean": x, "std": torch.full_like(x, 0.5)} if self.known else {"z": z}

    test_step = validation_step


def test_validation_and_test_tell_both_bounds_on_all_samples(tmp_path):
    run, host = trainer(tmp_path, CodeInformation()), Host()
    for _ in range(2):  # each anew
        validation = run.validate(host, DataLoader(X, 400), verbose=False)[0]
    test = run.test(host, DataLoader(X, 400), verbose=False)[0]
    lower, upper = known_density_bounds(X + 0.5 * E, X, torch.full_like(X, 0.5))
    for scores, prefix in ((validation, "val/"), (test, "test/")):
        assert scores[prefix + "mi_lower"] == pytest.approx(lower.mean().item(), abs=1e-5)
        assert scores[prefix + "mi_upper"] == pytest.approx(upper.mean().item(), abs=1e-5)
        assert scores[prefix + "mi_upper_stderr"] == pytest.approx(upper.std().item() / 1500**0.5, rel=1e-4)
        assert scores[prefix + "mi_limit"] == pytest.approx(math.log(1500), rel=1e-5)
    assert abs(test["test/mi_lower"] - 0.5 * math.log(5)) < 0.1


def test_samples_beyond_the_limit_are_left_out(tmp_path):
    scores = trainer(tmp_path, CodeInformation(limit=500)).test(Host(), DataLoader(X, 400), verbose=False)[0]
    lower, _ = known_density_bounds((X + 0.5 * E)[:500], X[:500], torch.full((500, 1), 0.5))
    assert scores["test/mi_lower"] == pytest.approx(lower.mean().item(), abs=1e-5)
    assert scores["test/mi_limit"] == pytest.approx(math.log(500), rel=1e-5)


def test_a_code_without_density_has_no_bounds(tmp_path):
    host = Host()
    host.known = False
    assert trainer(tmp_path, CodeInformation()).test(host, DataLoader(X, 400), verbose=False)[0] == {}
