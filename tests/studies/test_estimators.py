"""The estimators of a study against what they stand for, and against the truth."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from mine_lightning import estimate_mi
from mine_lightning.baselines import ksg
from mine_lightning.bounds import DonskerVaradhan, FDivergence, InfoNCE, JensenShannon
from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.errors import InputError
from mine_lightning.estimation.pairs import Pairs, read_pairs
from mine_lightning.networks import MLPStatistics, SeparableStatistics
from mine_lightning.studies import CrossFitted, NearestNeighbours, Trained
from mine_lightning.studies.estimators import _read

TASK = Gaussian("g", sparse(1, 0.8))
X, Z = TASK.sample(1500, 0)
SMALL = partial(MLPStatistics, hidden=(64,))


def test_cross_fitted_is_estimate_mi():
    expected = estimate_mi(X, Z, seed=3, max_steps=20)
    assert CrossFitted({"max_steps": 20})(X, Z, 3) == (expected.nats, expected.stderr)


def test_nearest_neighbours_are_ksg():
    reading = NearestNeighbours(k=4)(X, Z, 0)
    assert reading.nats == ksg(X, Z, 4)
    assert math.isnan(reading.stderr)


@pytest.mark.parametrize(
    ("bound", "network"),
    [
        (DonskerVaradhan(), SMALL),
        (FDivergence(), SMALL),
        (JensenShannon(), SMALL),
        (InfoNCE(), SeparableStatistics),
    ],
    ids=repr,
)
def test_any_bound_comes_near_the_truth(bound, network):
    reading = Trained(bound, network, folds=2, max_steps=300)(X, Z, 0)
    assert reading.nats == pytest.approx(TASK.mi, abs=0.1)
    assert 0.005 < reading.stderr < 0.1


def test_the_seed_sets_it_and_the_bound_s_state_stays_its_own():
    estimator = Trained(DonskerVaradhan(), SMALL, max_steps=20)
    assert estimator(X, Z, 1) == estimator(X, Z, 1) != estimator(X, Z, 2)
    assert estimator.bound.log_average.isnan()  # nothing was trained on the one it was given


class Constant(nn.Module):
    """T = 2 everywhere, whatever it is trained on: each bound reads another number from it."""

    def __init__(self, x_shape, z_shape):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, x, z):
        return self.nothing * 0 + torch.full((len(x),), 2.0)


@pytest.mark.parametrize(
    ("bound", "value"),
    [(DonskerVaradhan(), 0.0), (FDivergence(), 2 - math.e), (JensenShannon(), 3 - math.e**2)],
    ids=["DonskerVaradhan", "FDivergence", "JensenShannon"],
)
def test_what_is_read_is_the_bound_of_the_scores(bound, value):
    reading = Trained(bound, Constant, max_steps=2)(X, Z, 0)
    assert reading.nats == pytest.approx(value, abs=1e-5)
    assert reading.stderr == pytest.approx(0, abs=1e-5)


def test_a_fold_is_read_whole_where_its_blocks_differ_by_a_pair():
    seen = []

    class Matrix(nn.Module):
        def __init__(self, x_shape, z_shape):
            super().__init__()
            self.nothing = nn.Parameter(torch.zeros(()))

        def matrix(self, x, z):
            return self.nothing * 0 + x[:, :1] * z[:, :1].T

    class Spy(FDivergence):
        def forward(self, joint, marginal):
            seen.append(tuple(marginal.shape))
            return super().forward(joint, marginal)

    pairs = Pairs(*read_pairs(torch.randn(3334, 1), torch.randn(3334, 1)), gaussianise=False, seed=0)
    _read(Spy(), Matrix((1,), (1,)), pairs, torch.arange(3334))
    assert seen == [(3334, 832)]  # blocks of 834, 834, 833 and 833


def test_it_refuses_a_single_fold():
    with pytest.raises(InputError, match="at least 2 folds but got 1"):
        Trained(FDivergence(), folds=1)
    with pytest.raises(InputError, match="max_steps >= 1 but got 0"):
        Trained(FDivergence(), max_steps=0)
    with pytest.raises(InputError, match="10 pairs a fold but got 1500 for 200 folds"):
        Trained(FDivergence(), folds=200)(X, Z, 0)


def test_settings_that_estimate_mi_has_not_are_told_before_anything_runs():
    with pytest.raises(InputError, match="in settings but got 'max_stepz'"):
        CrossFitted({"max_stepz": 3})
