"""The weight of a term over training: lines between points, and what the host gets of it."""

import itertools

import numpy as np
import pytest
import torch
from by_hand import Classifier
from cases import difference, trainer
from pytorch_lightning import Callback
from test_automatic_hosts import DATA, fit, regularizer
from torch.utils.data import DataLoader, IterableDataset

from mine_lightning.errors import InputError
from mine_lightning.regularizer.beta import BetaSchedule


@pytest.mark.parametrize(("epoch", "beta"), [(0, 0.5), (1, 0.5), (1.5, 1.25), (2, 2.0), (3.0, 1.0), (4, 0.0), (9, 0.0)])
def test_beta_runs_in_lines_from_point_to_point(epoch, beta):
    assert BetaSchedule({4: 0.0, 1: 0.5, 2: 2.0}).at(epoch) == beta


@pytest.mark.parametrize(
    "points", [{}, {0: -1.0}, {-1: 1.0}, {"first": 1.0}, {0: None}, {0: float("inf")}, {0: 1.0, "0": 2.0}]
)
def test_what_is_no_schedule_is_told(points):
    with pytest.raises(
        InputError, match="Expected beta over training as epochs, each once, and betas from 0 on but got"
    ):
        regularizer(beta=points)


def test_numbers_of_numpy_are_numbers():
    assert regularizer(beta=np.float32(0.5)).beta == 0.5
    assert regularizer(beta={np.int64(0): np.float32(0.25), 1: 0.5}).beta == 0.25


def test_beta_set_later_is_beta_given_at_the_start():
    term = regularizer(beta=0.5)
    term.beta = {0: 0.25, 2: 1.0}
    assert (term.beta, term.beta_schedule.at(1)) == (0.25, 0.625)
    term.beta = 2
    assert (term.beta, term.beta_schedule) == (2.0, None)
    for wrong in (-1.0, float("nan"), "1", None):
        with pytest.raises(InputError, match="Expected finite beta >= 0, or betas by epoch, but got"):
            term.beta = wrong
    assert term.beta == 2
    term.beta = {0: 0.25, 2: 1.0}
    with pytest.raises(InputError):
        term.beta = -1.0
    assert term.beta_schedule is not None  # what was wrong has changed nothing


def test_what_is_set_in_training_holds_from_the_next_batch_on(tmp_path):
    class Over(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            found.append(term.beta)
            if batch_idx == 1:
                term.beta = 0.75
            if batch_idx == 4:
                term.beta = {0: 0.0, 1: 1.0}

    found, term = [], regularizer(beta={0: 0.0, 1: 0.5})
    fit(tmp_path, term, Over(), host=Classifier, max_epochs=1)
    assert found == [0.0, 0.0625, 0.75, 0.75, 0.75, 0.625, 0.75, 0.875]


def test_a_loader_without_a_length_is_told(tmp_path):
    class Endless(IterableDataset):
        def __iter__(self):
            return itertools.repeat((torch.randn(4), torch.tensor(0)))

    run = trainer(tmp_path, regularizer(beta={0: 0.0, 1: 0.5}), max_epochs=-1, max_steps=3)
    with pytest.warns(UserWarning, match="beta of mine/mi stands still within an epoch"):
        run.fit(Classifier(), DataLoader(Endless(), 16))
    assert run.callback_metrics["mine/beta"] == 0


class SetByHand(Callback):
    """Sets beta of a term before each of the 8 batches of an epoch, from 0 to 0.5 over the first epoch."""

    def __init__(self, term):
        self.term, self.found = term, []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.term.beta = min(0.5, 0.5 * (trainer.current_epoch + batch_idx / 8))
        self.found.append(self.term.beta)


class Seen(Callback):
    """Notes what is logged as beta."""

    def __init__(self):
        self.found = []

    def on_train_batch_end(self, trainer, *args):
        self.found.append(float(trainer.callback_metrics["mine/beta"]))


def test_the_host_gets_the_term_with_the_beta_of_the_step_and_sees_it_logged(tmp_path):
    scheduled, by_hand, seen = regularizer(beta={0: 0.0, 1: 0.5}), regularizer(), Seen()
    setter = SetByHand(by_hand)
    found = fit(tmp_path, scheduled, seen, host=Classifier, max_epochs=2)
    assert difference(found, fit(tmp_path, setter, by_hand, host=Classifier, max_epochs=2)) == 0
    assert difference(found, fit(tmp_path, regularizer(), host=Classifier, max_epochs=2)) > 1e-4
    assert seen.found == pytest.approx(setter.found)


@pytest.mark.parametrize("interval", [1, 10**9])
def test_a_beta_that_rises_from_0_while_batches_are_accumulated_leaves_the_other_term_alone(tmp_path, interval):
    def trained(*more, beta=0.5):
        arguments = {"accumulate_grad_batches": 2, "log_every_n_steps": interval, "max_epochs": 1}
        return fit(tmp_path, regularizer(beta=beta, name="a"), *more, host=Classifier, **arguments)

    faint = regularizer(beta={0: 0.0, 1: 1e-9}, adaptive_clip=True, name="b")
    alone = trained()
    assert difference(trained(faint), alone) < 1e-6
    assert difference(trained(beta=0.0), alone) > 1e-4


def test_a_resumed_run_has_the_beta_of_the_run_that_was_never_interrupted(tmp_path):
    def run(epochs, path=None):
        torch.manual_seed(0)
        host, seen = Classifier(), Seen()
        fitting = trainer(tmp_path, regularizer(beta={0: 0.0, 2: 0.5}), seen, max_epochs=epochs)
        fitting.fit(host, DataLoader(DATA, 16), ckpt_path=path)
        fitting.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return host, seen.found

    whole, found = run(2)
    run(1)
    resumed, later = run(2, tmp_path / "1.ckpt")
    assert later == found[8:]
    assert difference(whole, resumed) == 0


def test_without_a_length_beta_moves_from_epoch_to_epoch(tmp_path):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([DATA[number] for number in range(32)])

    seen = Seen()
    run = trainer(tmp_path, regularizer(beta={0: 0.0, 2: 0.5}), seen, max_epochs=2)
    with pytest.warns(UserWarning, match="stands still within an epoch"):
        run.fit(Classifier(), DataLoader(Stream(), 16))
    assert seen.found == [0.0, 0.0, 0.25, 0.25]
