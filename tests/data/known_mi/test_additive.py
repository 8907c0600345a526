"""Channels with noise against integrals by SciPy."""

import itertools
import math

import pytest
import torch
from scipy import integrate, special

from mine_lightning.data.known_mi import NoisyFunction, UniformNoise


@pytest.mark.parametrize("width", [0.1, 0.5, 0.75, 2.0])
def test_uniform_noise_is_the_entropy_of_a_trapezoid(width):
    def density(z):
        return max(0.0, min(1, z + width) - max(0, z - width)) / (2 * width)

    corners = sorted([-width, width, 1 - width, 1 + width])
    entropy = sum(
        integrate.quad(lambda z: -special.xlogy(density(z), density(z)), a, b)[0]
        for a, b in itertools.pairwise(corners)
    )
    assert UniformNoise(width).mi == pytest.approx(entropy - math.log(2 * width), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "sigma", "expected"),
    # the grid of an independent computation, to its two decimals
    [("x", 0.1, 1.67), ("x", 0.9, 0.17), ("cube", 0.3, 0.47), ("sin", 0.5, 0.37), ("cube", 0.9, 0.08)],
)
def test_noisy_functions_of_the_paper(name, sigma, expected):
    function = {"x": lambda x: x, "cube": lambda x: x**3, "sin": torch.sin}[name]
    assert NoisyFunction(name, function, sigma).mi == pytest.approx(expected, abs=0.011)


def test_identity_with_noise_is_the_integral_by_scipy():
    sigma = 0.4

    def density(z):
        return (special.ndtr((z + 1) / sigma) - special.ndtr((z - 1) / sigma)) / 2

    entropy = integrate.quad(lambda z: -special.xlogy(density(z), density(z)), -6, 6, limit=200)[0]
    truth = entropy - 0.5 * math.log(2 * math.pi * math.e * sigma**2)
    assert NoisyFunction("x", lambda x: x, sigma).mi == pytest.approx(truth, abs=1e-4)
    assert NoisyFunction("x", lambda x: x, sigma, dims=3).mi == pytest.approx(3 * truth, abs=3e-4)


def test_information_depends_on_the_function():
    identity, cube = NoisyFunction("x", lambda x: x, 0.3), NoisyFunction("x3", lambda x: x**3, 0.3)
    assert identity.mi > cube.mi + 0.2
