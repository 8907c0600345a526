"""One T under a Trainer: its batches, where it stops, what is kept, and that nothing outside moves."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cases import weights
from torch import nn

from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.estimation.pairs import Pairs, read_pairs
from mine_lightning.estimation.training import AverageAndStop, Batches, Training, train
from mine_lightning.networks import MLPStatistics, SeparableStatistics

SAMPLE = Gaussian("g", sparse(1, 0.8)).sample(1200, 0)
PAIRS = Pairs(*read_pairs(*SAMPLE), gaussianise=True, seed=0)
INDEX = torch.arange(1200)
SHORT = Training(batch_size=64, max_steps=60, check_every=20)


def run(network=SeparableStatistics, training=SHORT, seed=0, tell=None):
    return train(network, PAIRS, INDEX[200:], INDEX[:200], training, seed, tell)


def test_an_epoch_has_each_pair_once_and_the_next_another_order():
    batches = iter(Batches(PAIRS, torch.arange(64), 16, seed=0))
    epochs = [torch.cat([next(batches)[0] for _ in range(4)]) for _ in range(2)]
    expected = PAIRS[torch.arange(64)][0].sort(dim=0).values
    assert all(torch.equal(epoch.sort(dim=0).values, expected) for epoch in epochs)
    assert not torch.equal(*epochs)


def test_the_seed_sets_everything_and_nothing_outside_moves():
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    a, b, other = run(), run(), run(seed=1)
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert torch.equal(weights(a.best), weights(b.best))
    assert a.curve == b.curve
    assert not torch.equal(weights(a.best), weights(other.best))


def test_the_curve_has_a_point_for_each_look_and_tells_it():
    told = []
    stop = run(tell=told.append)
    assert [point.step for point in stop.curve] == [20, 40, 60]
    assert told == stop.curve


class Product(nn.Module):
    """T = slope x z, best near a slope of 0.56 at a correlation of 0.8."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(()))

    def forward(self, x, z):
        return self.slope * (x * z)[:, 0]

    def matrix(self, x, z):
        return self.slope * x @ z.T


def looking(training, network, **options):
    """Return the callback and the run that it is asked in, without a training around it."""
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    stop, trainer = AverageAndStop(*PAIRS[INDEX[:200]], training, **options), SimpleNamespace(optimizers=[optimizer])
    host = SimpleNamespace(statistics_network=network, bound=DonskerVaradhan())
    stop.on_fit_start(trainer, host)
    return stop, trainer, host


def test_the_best_is_kept_and_patience_is_looks_without_a_better_one():
    stop, trainer, host = looking(Training(64, 400, check_every=10, patience=2), Product(), by_value=True)
    stopped = []
    for slope in (0.1, 0.5, 2.0, 0.3):
        stop._average.slope.fill_(slope)
        stop.on_train_batch_end(trainer, host)
        stopped.append(trainer.should_stop)
    assert stop.kept.slope.item() == pytest.approx(0.5)
    assert stopped == [False, False, False, True]


def test_training_stops_when_nothing_better_follows():
    # a rate at which it only gets worse
    stop = run(training=Training(64, 400, check_every=10, patience=2, learning_rate=1.0))
    assert stop.curve[-1].step < 400


def test_what_is_kept_is_the_average_of_the_weights():
    network = Product()
    stop, trainer, _ = looking(Training(64, 400, check_every=10, decay=0.15), network)
    network.slope.grad = torch.tensor(-1.0)  # the slope is 1, 2, 3 after the steps
    found = []
    for _ in range(3):
        trainer.optimizers[0].step()
        found.append(stop._average.slope.item())
    # a decay of 1/10 at first, then the 0.15 that was asked for
    assert found == pytest.approx([0.9 * 1, 0.15 * 0.9 + 0.85 * 2, 0.15 * 1.835 + 0.85 * 3])


def test_what_t_keeps_of_its_batches_is_kept_with_it():
    """A batch normalisation whose moments were those of before the training would make T another one."""

    class Normalised(nn.Module):
        def __init__(self, x_shape, z_shape):
            super().__init__()
            self.body = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU())
            self.output = nn.Linear(32, 1)

        def forward(self, x, z):
            return self.output(self.body(torch.cat([x, z], dim=1) + 3)).squeeze(1)

    kept = run(Normalised, Training(batch_size=64, max_steps=160, check_every=20)).kept
    mean = kept.body[0].running_mean
    assert kept.body[0].num_batches_tracked % 20 == 0
    torch.testing.assert_close(mean, torch.full((2,), 3.0), atol=0.2, rtol=0)


@pytest.mark.parametrize(
    "network", [SeparableStatistics, lambda x, z: MLPStatistics(x, z, hidden=(32,))], ids=["all pairs", "pairwise"]
)
def test_any_statistics_network_learns(network):
    stop = run(network, Training(64, 200, check_every=50))
    assert stop.curve[-1].nats > 0.3
    assert not any(parameter.requires_grad for parameter in stop.best.parameters())


def test_defaults_grow_with_the_data():
    small, medium, large = (Training.for_size(n) for n in (70, 6000, 10_000_000))
    assert small.batch_size <= 70
    assert (medium.batch_size, medium.max_steps) == (256, 600)
    assert (large.batch_size, large.max_steps) == (1024, 8000)


def test_lightning_is_silent(capfd):
    run()
    assert capfd.readouterr() == ("", "")
