"""The checks pass where they should, and fail an estimate that lies."""

from dataclasses import replace

import pytest
import torch

from mine_lightning import estimate_mi
from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.estimation.consistency import check, related
from mine_lightning.estimation.pairs import read_pairs

SAMPLE = Gaussian("g", sparse(1, 0.7)).sample(3000, 0)


def test_an_honest_estimate_passes():
    estimate = estimate_mi(*SAMPLE, checks=True, max_steps=150)
    assert list(estimate.checks) == ["independence", "data processing", "additivity"]
    assert all(found.passed for found in estimate.checks.values())
    assert estimate.checks["additivity"].expected == pytest.approx(2 * estimate.nats)


@pytest.mark.parametrize(("offset", "failing"), [(0.3, {"independence", "additivity"})])
def test_an_estimator_that_is_too_high_by_a_constant_fails(offset, failing):
    honest = estimate_mi(*SAMPLE, max_steps=100)

    def lying(x, z):
        told = estimate_mi(x.raw, z.raw, max_steps=100)
        low, high = told.interval
        return replace(told, nats=told.nats + offset, interval=(low + offset, high + offset))

    low, high = honest.interval
    first = replace(honest, nats=honest.nats + offset, interval=(low + offset, high + offset))
    found = check(first, *read_pairs(*SAMPLE), lying)
    assert {name for name, result in found.items() if not result.passed} == failing


def test_squares_of_z_are_in_its_own_range():
    x, z = read_pairs(torch.randn(200), 1e20 * torch.randn(200))
    _, beside, _ = related(x, z)["data processing"]
    torch.testing.assert_close(beside.raw[:, 1], beside.raw[:, 0].square())


def test_independence_pairs_no_x_with_its_own_z_and_the_copy_is_of_pairs():
    x, z = read_pairs(torch.arange(200.0), torch.arange(200.0) * 7 % 200)
    sides = related(x, z)
    left, right, factor = sides["independence"]
    assert factor == 0
    assert (right.raw != z.raw).all()
    left, right, factor = sides["additivity"]
    assert factor == 2
    assert left.raw.shape == right.raw.shape == (200, 2)
    assert torch.equal(left.raw[:, 1] * 7 % 200, right.raw[:, 1])
    assert (left.raw[:, 0] != left.raw[:, 1]).all()


def test_data_processing_adds_a_function_of_z():
    x, z = read_pairs(torch.randn(200), torch.randn(200, 2))
    left, right, factor = related(x, z)["data processing"]
    assert factor == 1
    assert torch.equal(left.raw, x.raw)
    torch.testing.assert_close(right.raw, torch.cat([z.raw, z.raw.square()], dim=1).double())


def test_labels_become_one_hot_vectors_side_by_side():
    x, z = read_pairs(torch.randn(200), torch.arange(200) % 3)
    _, right, _ = related(x, z)["additivity"]
    assert right.labels is None
    assert right.raw.shape == (200, 6)
    assert (right.raw.sum(1) == 2).all()
