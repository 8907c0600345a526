"""MINE-f in float64."""

import math

import pytest
import torch
from cases import GAUSSIAN_MI, gaussian_scores

from mine_lightning.bounds import FDivergence


def test_value_at_the_best_statistics_is_the_mutual_information():
    bound, (joint, marginal) = FDivergence(), gaussian_scores(shift=1.0)
    assert bound(joint, marginal).item() == pytest.approx(GAUSSIAN_MI, abs=4 * bound.stderr(joint, marginal).item())
    assert bound.stderr(joint, marginal) < 0.005


def test_value_equals_the_sums_written_out():
    joint, marginal = torch.randn(6, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
    expected = sum(joint.tolist()) / 6 - sum(math.exp(m - 1) for m in marginal.flatten().tolist()) / 12
    assert FDivergence()(joint, marginal).item() == pytest.approx(expected, abs=1e-12)
