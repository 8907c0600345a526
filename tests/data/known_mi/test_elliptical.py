"""Gaussian and Student-t information against integrals by SciPy."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from mine_lightning.data.known_mi import Gaussian, StudentT, dense, sparse


def test_pairs_add_up():
    assert Gaussian("g", sparse(20, 0.7)).mi == pytest.approx(-10 * math.log(1 - 0.49))
    assert Gaussian("g", sparse(20, 0.7, pairs=2)).mi == pytest.approx(-math.log(1 - 0.49))


def test_one_dimension_of_z_is_minus_half_the_log_of_one_less_r_squared():
    covariance = dense(2, 0.5)[:3, :3]
    coefficient = torch.linalg.solve(covariance[:2, :2], covariance[:2, 2])
    r_squared = coefficient @ covariance[:2, 2]
    assert Gaussian("g", covariance, 2).mi == pytest.approx(-0.5 * math.log(1 - r_squared))


def test_sample_has_the_covariance():
    x, z = Gaussian("g", dense(2, 0.5)).sample(200_000, 0)
    torch.testing.assert_close(torch.cat([x, z], 1).T.cov(), dense(2, 0.5).float(), atol=0.02, rtol=0)


@pytest.mark.parametrize("degrees", [2.0, 5.0])
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_student_information_is_the_integral_of_its_density(degrees, rho):
    shape = [[1, rho], [rho, 1]]
    joint, margin = stats.multivariate_t(shape=shape, df=degrees), stats.t(degrees)

    # over (-1, 1)^2, by x = a / (1 - a^2)
    points, weights = np.polynomial.legendre.leggauss(120)
    line, slope = points / (1 - points**2), weights * (1 + points**2) / (1 - points**2) ** 2
    x, z = np.meshgrid(line, line)
    log_ratio = joint.logpdf(np.stack([x, z], axis=-1)) - margin.logpdf(x) - margin.logpdf(z)
    total = (joint.pdf(np.stack([x, z], axis=-1)) * log_ratio * np.outer(slope, slope)).sum()
    assert StudentT(Gaussian("g", torch.tensor(shape)), degrees).mi == pytest.approx(total, abs=2e-3)


def test_student_in_several_dimensions_is_the_mean_log_ratio():
    distribution = StudentT(Gaussian("g", dense(2, 0.4)), 3)
    x, z = (side.double().numpy() for side in distribution.sample(40_000, 0))
    shape = dense(2, 0.4).numpy()
    log_ratio = (
        stats.multivariate_t(shape=shape, df=3).logpdf(np.hstack([x, z]))
        - stats.multivariate_t(shape=shape[:2, :2], df=3).logpdf(x)
        - stats.multivariate_t(shape=shape[2:, 2:], df=3).logpdf(z)
    )
    assert distribution.mi == pytest.approx(log_ratio.mean(), abs=4 * log_ratio.std() / 200)


def test_many_degrees_are_a_gaussian():
    gaussian = Gaussian("g", dense(2, 0.4))
    assert StudentT(gaussian, 1e6).mi == pytest.approx(gaussian.mi, abs=1e-4)


def test_student_margins_are_those_of_scipy():
    x, _ = StudentT(Gaussian("g", sparse(1, 0.0)), 3).sample(5000, 0)
    assert stats.kstest(x[:, 0].numpy(), stats.t(3).cdf).pvalue > 0.01
