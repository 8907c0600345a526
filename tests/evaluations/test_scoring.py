"""What a host returns is found or told; every score is logged under its prefix, the batch's own as the floor."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import LightningModule
from torchmetrics import MeanMetric, MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.scoring import Scoring, trained_by_one
from mine_lightning.metrics.modes import ModeCount, ModeKL


class Host(LightningModule):
    def log(self, name, value, **arguments):
        self.logged = {**getattr(self, "logged", {}), name: (value.item(), arguments)}


class Doubled(Scoring):
    """Scores twice what it is given."""

    def __init__(self, host):
        super().__init__()
        self.score_with(MetricCollection({"a": MeanMetric(), "b": MeanMetric()}), host)

    def read(self, samples):
        return 2 * samples


@contextmanager
def two_processes(metric, **how):
    """As torchmetrics does it: the state is the sum of both for a while, here of two that have the same."""
    own = metric.counts
    metric.counts = own * 2
    yield
    metric.counts = own


def test_validation_scores_what_the_host_returned():
    host = Host()
    scores = Doubled(host)
    for _ in range(2):  # a second evaluation starts anew
        scores.on_validation_epoch_start(None, host)
        scores.on_validation_batch_end(None, host, {"samples": torch.ones(3), "other": 1}, torch.zeros(3), 0)
        scores.on_validation_epoch_end(None, host)
        assert host.logged == {name: (2.0, {"prog_bar": True, "sync_dist": True}) for name in ("val/a", "val/b")}
        assert scores.mode_counts is None


def test_samples_per_mode_of_the_last_validation_are_kept():
    host = Host()
    scores = Doubled(host)
    assert scores.mode_counts is None
    scores.score_with(MetricCollection({"modes": ModeCount(4), "kl": ModeKL(4)}), host)
    for modes, counts in (([0, 0, 1], [2, 0, 1, 0]), ([1, 1, 1], [0, 0, 3, 0])):
        scores.on_validation_epoch_start(None, host)
        scores.on_validation_batch_end(None, host, {"samples": torch.tensor(modes)}, torch.zeros(3), 0)
        scores.on_validation_epoch_end(None, host)
        assert scores.mode_counts.tolist() == counts


def test_the_test_scores_the_batch_too():
    host = Host()
    scores = Doubled(host)
    scores.on_test_epoch_start(None, host)
    scores.on_test_batch_end(None, host, {"samples": torch.ones(3)}, torch.full((3,), 5.0), 0)
    scores.on_test_epoch_end(None, host)
    plain = {"prog_bar": False, "sync_dist": True}
    assert host.logged == {
        **{f"test/{name}": (2.0, plain) for name in "ab"},
        **{f"test/floor_{name}": (10.0, plain) for name in "ab"},
    }


def test_of_a_batch_with_labels_the_data_are_the_floor():
    host = Host()
    scores = Doubled(host)
    scores.on_test_epoch_start(None, host)
    batch = [torch.full((3,), 5.0), torch.zeros(3)]
    scores.on_test_batch_end(None, host, {"samples": torch.ones(3)}, batch, 0)
    scores.on_test_epoch_end(None, host)
    assert host.logged["test/floor_a"][0] == 10.0


def test_a_batch_without_data_is_told_in_the_first_validation_and_ends_a_test():
    host = Host()
    scores, outputs, batch = Doubled(host), {"samples": torch.ones(3)}, {"image": torch.ones(3)}
    with pytest.warns(UserWarning, match=r"Expected batches of Doubled to be a tensor of data, .* but got dict"):
        scores.on_validation_batch_end(None, host, outputs, batch, 0)
    scores.on_validation_batch_end(None, host, outputs, batch, 1)  # a second warning would be an error here
    with pytest.raises(InputError, match=r"Expected batches of Doubled to be a tensor of data"):
        scores.on_test_batch_end(None, host, outputs, batch, 0)


def test_samples_per_mode_are_those_of_all_processes(monkeypatch):
    host = Host()
    scores = Doubled(host)
    scores.score_with(MetricCollection({"modes": ModeCount(4), "kl": ModeKL(4)}), host)
    monkeypatch.setattr(ModeCount, "sync_context", two_processes)
    scores.on_validation_epoch_start(None, host)
    scores.on_validation_batch_end(None, host, {"samples": torch.tensor([0, 0, 1])}, torch.zeros(3), 0)
    scores.on_validation_epoch_end(None, host)
    assert scores.mode_counts.tolist() == [4, 0, 2, 0]  # twice [2, 0, 1, 0]


@pytest.mark.parametrize("outputs", [None, torch.zeros(1), {"images": 1}])
def test_a_host_without_samples_is_told_who_asks(outputs):
    host = Host()
    with pytest.raises(InputError, match=r"Expected Host to return \{'samples': images\} .* or take Doubled off"):
        Doubled(host).on_validation_batch_end(None, host, outputs, None, 0)


@pytest.mark.parametrize("samples", [None, [torch.zeros(1, 1)], torch.tensor(1.0)])
def test_samples_that_are_no_tensor_of_several_are_told(samples):
    host = Host()
    with pytest.raises(InputError, match=r"Expected samples of Host to be a tensor \[n, ...\] but got"):
        Doubled(host).on_validation_batch_end(None, host, {"samples": samples}, None, 0)


@pytest.mark.parametrize(("first", "order"), [(True, ["train", "wait"]), (False, ["wait", "train"])])
def test_one_process_trains_the_judge_and_the_others_wait_for_it(first, order):
    told = []
    strategy = SimpleNamespace(barrier=lambda name: told.append("wait"))
    run = SimpleNamespace(is_global_zero=first, strategy=strategy)
    assert trained_by_one(run, lambda: told.append("train") or "judge") == "judge"
    assert told == order
