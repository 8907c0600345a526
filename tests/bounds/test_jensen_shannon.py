"""The +1 that published code forgets, and the optimum of the objective."""

import math

import pytest
import torch
from cases import GAUSSIAN_MI, gaussian_scores
from torch.nn import functional as F

from mine_lightning.bounds import FDivergence, JensenShannon


def test_value_at_the_log_ratio_is_the_mutual_information():
    bound, (joint, marginal) = JensenShannon(), gaussian_scores()
    assert bound(joint, marginal).item() == pytest.approx(GAUSSIAN_MI, abs=4 * bound.stderr(joint, marginal).item())
    # what published code returns there
    assert FDivergence()(joint, marginal).item() == pytest.approx(GAUSSIAN_MI - 1 / math.e, abs=0.01)


def test_value_is_the_f_divergence_bound_of_t_plus_one():
    joint, marginal = torch.randn(6), torch.randn(6, 2)
    torch.testing.assert_close(JensenShannon()(joint, marginal), FDivergence()(joint + 1, marginal + 1))


def test_objective_is_the_log_likelihood_of_a_classifier():
    joint, marginal = torch.randn(6), torch.randn(6, 1)
    loss = F.binary_cross_entropy_with_logits(joint, torch.ones(6))
    loss = loss + F.binary_cross_entropy_with_logits(marginal, torch.zeros(6, 1))
    torch.testing.assert_close(JensenShannon().objective(joint, marginal), -loss)


def test_objective_is_highest_at_the_log_ratio():
    joint, marginal = gaussian_scores()
    best = JensenShannon().objective(joint, marginal)
    for scale, shift in ((0.9, 0.0), (1.1, 0.0), (1.0, 0.1), (1.0, -0.1)):
        assert JensenShannon().objective(scale * joint + shift, scale * marginal + shift) < best
