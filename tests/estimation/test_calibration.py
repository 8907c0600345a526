"""Weights at which the bound is highest, and ceilings."""

import math

import pytest
import torch
from cases import gaussian_scores
from scipy import optimize
from torch import nn

from mine_lightning.estimation.calibration import Calibrated, best_weights, calibrated


class Scores(nn.Module):
    """T(x, z) = slope x z, which can score all pairs at once."""

    def __init__(self, slope):
        super().__init__()
        self.slope = slope

    def forward(self, x, z):
        return self.slope * (x * z)[:, 0]

    def matrix(self, x, z):
        return self.slope * x @ z.T


class Pairwise(nn.Module):
    def forward(self, x, z):
        return (x * z)[:, 0]


def test_weights_undo_a_wrong_scale():
    joint, marginal = gaussian_scores(n=100_000)
    found = best_weights(2.5 * joint[None], 2.5 * marginal.flatten()[None])
    assert found.item() == pytest.approx(0.4, abs=0.01)


def test_weights_are_those_of_a_general_optimizer():
    joint, marginal = torch.randn(2, 50).double() + 0.3, torch.randn(2, 400).double()

    def loss(weights):
        weights = torch.from_numpy(weights)
        partition = torch.logsumexp(weights @ marginal, 0) - math.log(400)
        return (partition - (weights @ joint).mean()).item()

    expected = optimize.minimize(loss, [0.5, 0.5], bounds=[(0, 3)] * 2).x
    torch.testing.assert_close(best_weights(joint, marginal), torch.from_numpy(expected), atol=1e-3, rtol=0)


def test_calibrated_is_the_weighted_sum_of_cut_scores():
    T = Calibrated([Scores(1.0), Scores(2.0)], torch.tensor([1.0, 0.5]), torch.tensor([0.7, 0.2]))
    x, z = torch.randn(2, 30, 1)
    expected = 0.7 * (x @ z.T).clamp(max=1) + 0.2 * (2 * x @ z.T).clamp(max=0.5)
    torch.testing.assert_close(T.matrix(x, z), expected)
    torch.testing.assert_close(T(x, z), expected.diag())


def test_matrix_is_offered_just_where_all_networks_have_one():
    one = torch.ones(1)
    assert hasattr(Calibrated([Scores(1.0)], one, one), "matrix")
    assert not hasattr(Calibrated([Pairwise()], one, one), "matrix")


def test_pairs_above_every_joint_pair_of_training_are_cut():
    train = torch.linspace(0, 2, 1001)
    validation = torch.randn(40, 40)
    T = calibrated([Scores(1.0)], [train], [validation])
    assert T.ceilings.item() == pytest.approx(1.998)
    assert T(torch.full((1, 1), 50.0), torch.ones(1, 1)).item() == pytest.approx(1.998 * T.weights.item(), rel=1e-4)


def test_left_out_pairs_do_not_count():
    validation = torch.randn(40, 40)
    validation[~torch.eye(40, dtype=torch.bool) & (torch.rand(40, 40) < 0.5)] = -torch.inf
    assert calibrated([Scores(1.0)], [torch.zeros(10)], [validation]).weights.isfinite().all()
