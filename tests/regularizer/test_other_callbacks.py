"""Beside Lightning's own callbacks, before them and after them in the list; two instances on one model."""

import itertools

import pytest
import torch
from by_hand import Classifier
from cases import adam, assert_same, sgd, small_mlp, trainer, weights
from pytorch_lightning.callbacks import (
    BatchSizeFinder,
    EarlyStopping,
    LearningRateFinder,
    StochasticWeightAveraging,
    WeightAveraging,
)
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.regularizer.callback import MINERegularizer

stream = torch.Generator().manual_seed(2)
DATA = TensorDataset(torch.randn(96, 4, generator=stream), torch.randint(2, (96,), generator=stream))

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, on SWA and the finders


class Host(Classifier):
    """With what the finders change, and a value for early stopping."""

    def __init__(self):
        super().__init__(dropout=0.3, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=self.lr))
        self.lr, self.batch_size = 0.1, 8

    def train_dataloader(self):
        return DataLoader(DATA, self.batch_size)

    val_dataloader = train_dataloader

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", torch.nn.functional.cross_entropy(self.head(self.encoder(batch[0])), batch[1]))


def term(z="output:encoder", beta=0.5, **arguments):
    fixed = {"statistics_network": small_mlp, "optimizer": sgd, "adaptive_clip": False}
    return MINERegularizer("batch:0", z, "maximize", beta, **{**fixed, **arguments})


OTHERS = {
    "swa": lambda: StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=1),
    "weight_averaging": lambda: WeightAveraging(),
    "early_stopping": lambda: EarlyStopping("val/loss", patience=1, min_delta=10.0),
    "rate_finder": lambda: LearningRateFinder(num_training_steps=10, attr_name="lr", update_attr=True),
    "batch_finder": lambda: BatchSizeFinder(steps_per_trial=2, max_trials=1, init_val=8, batch_arg_name="batch_size"),
}


def fit(tmp_path, *callbacks, epochs=3):
    torch.manual_seed(0)
    host = Host()
    run = trainer(tmp_path, *callbacks, max_epochs=epochs)
    torch.manual_seed(1)
    run.fit(host)
    return host, run


@pytest.mark.parametrize("other", OTHERS)
def test_the_order_in_the_list_makes_no_difference(tmp_path, other):
    found = []
    for first in (True, False):
        mine, beside = term(), OTHERS[other]()
        host, run = fit(tmp_path, *((mine, beside) if first else (beside, mine)))
        found.append((weights(host), weights(mine.mine), mine.mine.updates))
        # what a finder tries is no training of T
        assert mine.mine.updates == run.global_step
        assert not any(module._forward_hooks for module in host.modules())
    for a, b in zip(*found, strict=True):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))
    alone, _ = fit(tmp_path, OTHERS[other]())
    assert not torch.equal(weights(alone), found[0][0])


@pytest.mark.parametrize("other", OTHERS)
def test_with_beta_zero_it_does_what_it_does_alone(tmp_path, other):
    alone, run = fit(tmp_path, OTHERS[other]())
    watched, watched_run = fit(tmp_path, term(beta=0.0), OTHERS[other]())
    assert torch.equal(weights(alone), weights(watched))
    assert (alone.lr, alone.batch_size) == (watched.lr, watched.batch_size)
    assert run.global_step == watched_run.global_step


def test_two_instances_have_their_own_state_and_no_order(tmp_path):
    found = []
    for order in itertools.permutations([0, 1]):
        # with clipping: the second must not take the first one's share for the host's own gradient
        pair = [
            term(name="code", beta=50.0, adaptive_clip=True),
            term("output:head", 50.0, adaptive_clip=True, name="y"),
        ]
        host, run = fit(tmp_path, *(pair[index] for index in order), epochs=1)
        run.save_checkpoint(tmp_path / "pair.ckpt")
        states = torch.load(tmp_path / "pair.ckpt", weights_only=True)["callbacks"]
        found.append((weights(host), {key: states[key] for key in sorted(states)}))
        assert {
            f"mine/{name}/{key}" for name in ("code", "y") for key in ("mi", "g_u", "clip")
        } <= run.callback_metrics.keys()
    assert torch.equal(found[0][0], found[1][0])
    assert_same(found[0][1], found[1][1])
    states = list(found[0][1].values())
    assert len(states) == 2
    assert states[0]["shapes"] != states[1]["shapes"]


def test_a_host_trained_with_it_loads_without_it(tmp_path):
    host, run = fit(tmp_path, term(), epochs=1)
    run.save_checkpoint(tmp_path / "host.ckpt")
    assert torch.equal(weights(Host.load_from_checkpoint(tmp_path / "host.ckpt", weights_only=True)), weights(host))


def test_resume_of_two_instances_is_bitwise(tmp_path):
    def run(epochs, checkpoint=None):
        pair = [term(name="code"), term("output:head", name="y")]
        for callback in pair:
            callback._ascent._make = (*callback._ascent._make[:3], adam, 0)
        torch.manual_seed(0)
        host = Classifier()
        fit = trainer(tmp_path, *pair, max_epochs=epochs)
        fit.fit(host, DataLoader(DATA, 8), ckpt_path=checkpoint)
        fit.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return weights(host), [weights(callback.mine) for callback in pair]

    run(1)
    (whole, terms), (resumed, resumed_terms) = run(2), run(2, tmp_path / "1.ckpt")
    assert torch.equal(whole, resumed)
    assert_same(terms, resumed_terms)
