"""What a host returns is found or told; scores are logged under their prefix."""

import pytest
import torch
from pytorch_lightning import LightningModule
from torchmetrics import MeanMetric, MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.outputs import log_scores, samples_of


class Host(LightningModule):
    def log(self, name, value, **arguments):
        self.logged = {**getattr(self, "logged", {}), name: (value.item(), arguments)}


def test_samples_are_found():
    samples = torch.randn(3, 2)
    assert samples_of({"samples": samples, "other": 1}, Host(), "Reader") is samples


@pytest.mark.parametrize("outputs", [None, torch.zeros(1), {"images": 1}])
def test_a_host_without_samples_is_told_who_asks(outputs):
    with pytest.raises(InputError, match=r"Expected Host to return \{'samples': images\} .* or take Reader off"):
        samples_of(outputs, Host(), "Reader")


def test_every_score_is_logged_under_its_prefix():
    scores, host = MetricCollection({"a": MeanMetric(), "b": MeanMetric()}), Host()
    scores["a"].update(1.0)
    scores["b"].update(2.0)
    log_scores(host, "test/floor_", scores)
    assert host.logged == {
        "test/floor_a": (1.0, {"prog_bar": False, "sync_dist": True}),
        "test/floor_b": (2.0, {"prog_bar": False, "sync_dist": True}),
    }
