"""Held-out pairs of a host with averaged weights are read by a T that is averaged in the same way."""

import functools
import warnings
from types import SimpleNamespace

import pytest
import torch
from by_hand import Classifier
from cases import assert_same, small_mlp, trainer, weights
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint, WeightAveraging
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning import MIMonitor
from mine_lightning.hosts.averaging import AveragedWeights
from mine_lightning.networks import MLPStatistics, StandardisedStatistics
from mine_lightning.regularizer.average import Average
from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.runs.random_streams import SeedEachEpoch

stream = torch.Generator().manual_seed(2)
DATA = TensorDataset(torch.randn(64, 4, generator=stream), torch.randint(2, (64,), generator=stream))
# of the ModelCheckpoint, and of the callback that averages
pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`", "ignore:The dirpath has changed")
fast = functools.partial(torch.optim.Adam, lr=1e-2)


class Validated(Classifier):
    def validation_step(self, batch, batch_idx):
        self.encoder(batch[0])


class ByHand(Callback):
    """The average of T after each step, and T as it is trained."""

    def __init__(self, term, decay):
        self.term, self.decay, self.average = term, decay, None

    def on_train_batch_end(self, *_):
        self.newest = weights(self.term.mine.statistics_network).clone()
        older = self.newest if self.average is None else self.average
        self.average = self.decay * older + (1 - self.decay) * self.newest


def regularizer(network=small_mlp):
    return MINERegularizer(
        "batch:0", "output:encoder", "minimize", 0.5, statistics_network=network, optimizer=fast, held_out=1000
    )


def fit(tmp_path, *callbacks, epochs=2, checkpoint=None):
    torch.manual_seed(0)
    host = Validated()
    saving = ModelCheckpoint(tmp_path, "{epoch}", auto_insert_metric_name=False, save_top_k=-1)
    run = trainer(tmp_path, SeedEachEpoch(0), *callbacks, saving, max_epochs=epochs, enable_checkpointing=True)
    run.fit(host, DataLoader(DATA, 8), DataLoader(DATA, 32), ckpt_path=checkpoint)
    return host, run


@pytest.mark.parametrize("first", [True, False])
def test_t_ends_as_its_average_by_hand(tmp_path, first):
    term, averages = regularizer(), AveragedWeights(0.7)
    spy = ByHand(term, 0.7)
    fit(tmp_path, *([averages, term, spy] if first else [term, averages, spy]))
    torch.testing.assert_close(weights(term.mine.statistics_network), spy.average)
    assert (spy.average - spy.newest).abs().max() > 1e-3


def test_without_averages_nothing_is_averaged(tmp_path):
    term = regularizer()
    spy = ByHand(term, 0.7)
    fit(tmp_path, term, spy)
    assert torch.equal(weights(term.mine.statistics_network), spy.newest)
    assert "average" not in term.state_dict()


def test_lightnings_own_averaging_counts_too(tmp_path):
    term = regularizer()
    spy = ByHand(term, 0.7)
    fit(tmp_path, WeightAveraging(avg_fn=get_ema_avg_fn(0.7)), term, spy)
    torch.testing.assert_close(weights(term.mine.statistics_network), spy.average)


def test_before_the_average_begins_there_is_no_value_for_what_is_validated_is_not_trained(tmp_path):
    class Late(WeightAveraging):
        def should_update(self, step_idx=None, epoch_idx=None):
            return step_idx is not None and step_idx >= 8

    term = regularizer()
    with pytest.warns(UserWarning, match="no held-out value yet: the average of the host's weights") as told:
        _, run = fit(tmp_path, Late(avg_fn=get_ema_avg_fn(0.5)), term, epochs=1)
    assert "val/mi" not in run.callback_metrics
    assert sum("no held-out value yet" in str(one.message) for one in told) == 1
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "there is no held-out value yet")
        _, run = fit(tmp_path / "longer", Late(avg_fn=get_ema_avg_fn(0.5)), regularizer(), epochs=2)
    assert "val/mi" in run.callback_metrics


@pytest.mark.filterwarnings("ignore:there is no held-out value yet")
def test_training_is_not_touched(tmp_path):
    seen = []
    for kept in (True, False):
        term = regularizer()
        if not kept:
            term._ascent._average.catch_up = lambda *_: None
        spy = ByHand(term, 0.7)
        host, _ = fit(tmp_path / str(kept), AveragedWeights(0.7), term, spy)
        seen.append((weights(host), spy.newest))
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])


def test_a_resumed_run_reads_what_an_uninterrupted_one_does(tmp_path):
    network = functools.partial(StandardisedStatistics, network=functools.partial(MLPStatistics, hidden=(8,)))
    whole, later = regularizer(network), regularizer(network)
    _, run = fit(tmp_path / "whole", AveragedWeights(0.7), whole)
    _, again = fit(tmp_path / "later", AveragedWeights(0.7), later, checkpoint=tmp_path / "whole" / "0.ckpt")
    assert run.callback_metrics["val/mi"] == again.callback_metrics["val/mi"]
    assert_same(whole.state_dict(), later.state_dict())
    counted = whole.mine.statistics_network.moments.batches
    assert counted == 32  # two a batch: a count is not averaged


def test_a_checkpoint_is_validated_by_the_average(tmp_path):
    _, run = fit(tmp_path, AveragedWeights(0.7), regularizer())
    fresh = trainer(tmp_path, regularizer())
    (found,) = fresh.validate(Validated(), DataLoader(DATA, 32), ckpt_path=tmp_path / "1.ckpt", verbose=False)
    assert found["val/mi"] == pytest.approx(run.callback_metrics["val/mi"].item(), abs=1e-6)


def test_a_run_that_averages_no_more_goes_on_from_the_average(tmp_path):
    term, later = regularizer(), regularizer()
    fit(tmp_path, AveragedWeights(0.7), term)
    run = trainer(tmp_path, later, max_epochs=2)
    run.fit(Validated(), DataLoader(DATA, 8), ckpt_path=tmp_path / "1.ckpt")  # has trained its two epochs
    assert torch.equal(weights(later.mine), weights(term.mine))
    assert "average" not in later.state_dict()


def test_the_value_is_that_of_both_averages_by_hand(tmp_path):
    """The last validation's, from host and T as training leaves them."""
    term = regularizer()
    spy = ByHand(term, 0.7)
    host, run = fit(tmp_path, AveragedWeights(0.7), term, spy)

    def read():
        scores = []
        for i, (x, _) in enumerate(DataLoader(DATA, 32)):
            scores.append(term.mine.evaluate(x, host.encoder(x).detach(), f"validation {i}"))
        return term.mine.bound(*(torch.cat(part) for part in zip(*scores, strict=True)))

    torch.testing.assert_close(run.callback_metrics["val/mi"], read())
    nn.utils.vector_to_parameters(spy.newest, term.mine.statistics_network.parameters())
    assert abs(run.callback_metrics["val/mi"] - read()) > 1e-3  # not that of T as it was last


def test_a_monitors_networks_are_averaged_too(tmp_path):
    monitor = MIMonitor(["output:encoder"], "batch:0", "batch:1", classes=2, statistics_network=small_mlp)
    fit(tmp_path, AveragedWeights(0.7), monitor)
    kept = torch.load(tmp_path / "0.ckpt", weights_only=True)["callbacks"][monitor.state_key]["terms"]
    assert all("average" in term for term in kept.values())


@pytest.mark.filterwarnings("ignore:T goes on from another model")
def test_an_interrupted_training_leaves_no_average_to_the_next(tmp_path):
    class Stop(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            raise KeyError

    term = regularizer()
    with pytest.raises(KeyError):
        fit(tmp_path, AveragedWeights(0.7), term, Stop())
    spy = ByHand(term, 0.7)
    trainer(tmp_path, term).validate(Validated(), DataLoader(DATA, 32), verbose=False)
    newest = weights(term.mine.statistics_network).clone()
    run = trainer(tmp_path, AveragedWeights(0.7), term, spy)
    run.fit(Validated(), DataLoader(DATA, 8))
    torch.testing.assert_close(weights(term.mine.statistics_network), spy.average)
    assert not torch.equal(newest, weights(term.mine.statistics_network))


def test_a_t_that_cannot_be_copied_is_averaged(tmp_path):
    """Such as one with torch's older weight_norm, whose weight is no leaf."""

    def normalised(x_shape, z_shape):
        with warnings.catch_warnings(action="ignore"):
            T = small_mlp(x_shape, z_shape)
            for module in [*T.modules()]:
                if isinstance(module, nn.Linear):
                    nn.utils.weight_norm(module)
        return T

    term = regularizer(normalised)
    fit(tmp_path, AveragedWeights(0.7), term)
    assert term.mine.updates == 16


@pytest.mark.parametrize(("use_buffers", "avg_fn"), [(True, None), (False, None), (False, get_ema_avg_fn(0.7))])
def test_it_is_what_torchs_own_model_of_averages_gives(use_buffers, avg_fn):
    T, average = StandardisedStatistics((2,), (3,), MLPStatistics), Average()
    T(torch.randn(8, 2), torch.randn(8, 3))
    theirs = AveragedModel(T, avg_fn=avg_fn, use_buffers=use_buffers)
    rule = SimpleNamespace(_average_model=theirs, _latest_update_step=0, _latest_update_epoch=-1)
    average.start(SimpleNamespace(callbacks=[rule]), T)
    for step in range(4):
        with torch.no_grad():
            for parameter in T.parameters():
                parameter.add_(torch.randn_like(parameter))
        T(torch.randn(8, 2), torch.randn(8, 3))
        theirs.update_parameters(T)
        rule._latest_update_step = step + 1
        average.catch_up(T)
    average.settle(T)
    for name, expected in theirs.module.state_dict().items():
        found = T.state_dict()[name]
        torch.testing.assert_close(found, torch.tensor(5) if name.endswith("batches") else expected)
