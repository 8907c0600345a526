"""Mixtures against the closed form and SciPy; labels against sums written out."""

import math

import pytest
import torch
from scipy import integrate, stats

from mine_lightning.data.known_mi import DiscreteJoint, GaussianMixture


def test_one_part_is_a_gaussian():
    assert GaussianMixture("one", [(0.3, -0.2)], [0.8], 0.5).mi == pytest.approx(-0.5 * math.log(1 - 0.64), abs=1e-5)


def test_parts_far_apart_tell_which_they_are():
    # within a part nothing is shared; which of the two parts it is, is one bit
    assert GaussianMixture("two", [(-20, -20), (20, 20)], [0, 0]).mi == pytest.approx(math.log(2), abs=1e-6)


def test_cross_is_the_integral_by_scipy():
    cross = GaussianMixture("cross", [(0, 0), (0, 0)], [0.7, -0.7])
    parts = [stats.multivariate_normal(cov=[[1, rho], [rho, 1]]) for rho in (0.7, -0.7)]
    margin = stats.norm()

    def integrand(z, x):
        joint = 0.5 * sum(part.pdf([x, z]) for part in parts)
        return joint * math.log(joint / (margin.pdf(x) * margin.pdf(z)))

    truth = 4 * integrate.dblquad(integrand, 0, 6, 0, 6, epsabs=1e-4, epsrel=1e-4)[0]  # the same in all quadrants
    assert cross.mi == pytest.approx(truth, abs=1e-3)


def test_sample_lies_where_the_density_says():
    mixture = GaussianMixture("two", [(-1, 1), (2, 0)], [0.5, -0.5], 0.7)
    x, z = mixture.sample(100_000, 0)
    edge = torch.arange(-4, 5, 0.02, dtype=torch.float64)
    density = mixture.density(edge[:, None], edge[None, :])
    assert ((edge < 0).double() @ density @ (edge > 0.5).double() * 0.02**2).item() == pytest.approx(
        ((x < 0) & (z > 0.5)).double().mean().item(), abs=0.02
    )


def test_labels_share_the_entropy_less_the_conditional_one():
    table = [[0.5, 0.0], [0.25, 0.25]]
    expected = 0.5 * math.log(0.5 / (0.5 * 0.75)) + 0.25 * math.log(0.25 / (0.5 * 0.75)) + 0.25 * math.log(0.25 / 0.125)
    assert DiscreteJoint("t", torch.tensor(table)).mi == pytest.approx(expected)
    assert DiscreteJoint("same", torch.eye(3)).mi == pytest.approx(math.log(3))


def test_label_frequencies_are_the_table():
    table = torch.tensor([[0.1, 0.2, 0.0], [0.3, 0.1, 0.3]])
    x, z = DiscreteJoint("t", table).sample(50_000, 0)
    found = torch.stack([torch.stack([((x == i) & (z == j)).float().mean() for j in range(3)]) for i in range(2)])
    torch.testing.assert_close(found, table, atol=0.01, rtol=0)
