"""The forty tasks of the accuracy benchmark: 1 to 50 dimensions a side, 0.2 to 1.7 nats.

The families and maps are those of Czyz et al., Beyond Normal: On the Evaluation of Mutual Information Estimators,
NeurIPS 2023, which chose them as hard in different ways: heavy tails, many dimensions of which few matter, maps that
mix coordinates.
"""

from __future__ import annotations

import math

from mine_lightning.data.known_mi.additive import NoisyFunction, UniformNoise
from mine_lightning.data.known_mi.distribution import KnownMI
from mine_lightning.data.known_mi.elliptical import Gaussian, StudentT, dense, sparse
from mine_lightning.data.known_mi.maps import (
    Mapped,
    Spiral,
    asinh,
    half_cube,
    identity,
    normal_cdf,
    swiss_roll,
    wiggly,
    wobbly,
)
from mine_lightning.data.known_mi.mixture import GaussianMixture

__all__ = ["TASKS", "ring"]


def ring(parts: int, radius: float, std: float) -> GaussianMixture:
    """Return a mixture of round Gaussians on a circle: uncorrelated, and yet dependent."""
    angles = [2 * math.pi * part / parts for part in range(parts)]
    means = [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]
    return GaussianMixture(f"ring-of-{parts}", means, [0.0] * parts, std)


def _pairs(dims: int, rho: float = 0.8, pairs: int = 2) -> Gaussian:
    return Gaussian(f"{pairs}-pair-{dims}x{dims}", sparse(dims, rho, pairs))


def _dense(dims: int) -> Gaussian:
    return Gaussian(f"dense-{dims}x{dims}", dense(dims, 0.5))


def _student(dims: int, degrees: float) -> StudentT:
    return StudentT(Gaussian(f"identity-{dims}x{dims}", sparse(dims, 0.0)), degrees)


def _spiral(inner: KnownMI, dims: int) -> Mapped:
    # on average one radian, and in other planes for x than for z
    return Mapped("spiral", inner, Spiral((0, 1), 1 / dims), Spiral((1, 2), 1 / dims))


def _cdf(inner: KnownMI) -> Mapped:
    return Mapped("cdf", inner, normal_cdf, normal_cdf)


def _half_cube(inner: KnownMI) -> Mapped:
    return Mapped("half-cube", inner, half_cube, half_cube)


def _asinh(inner: KnownMI) -> Mapped:
    return Mapped("asinh", inner, asinh, asinh)


_normal = Gaussian("normal-1x1", sparse(1, 0.75))

TASKS: list[KnownMI] = [
    _normal,
    _cdf(_normal),
    _half_cube(_normal),
    Mapped("wiggly", _normal, wiggly, wobbly),
    Mapped("swiss-roll", _cdf(_normal), swiss_roll, identity),
    UniformNoise(0.1),
    UniformNoise(0.75),
    NoisyFunction("sin3x", lambda x: (3 * x).sin(), 0.3),
    GaussianMixture("bimodal", [(-1.5, -1.0), (1.5, 1.0)], [0.5, 0.5]),
    GaussianMixture("cross", [(0.0, 0.0), (0.0, 0.0)], [0.9, -0.9]),
    ring(8, 2.0, 0.3),
    StudentT(Gaussian("identity-1x1", sparse(1, 0.0)), 1),
    StudentT(_normal, 1),
    _asinh(StudentT(_normal, 1)),
    Gaussian("4-to-1", _dense(3).covariance[:5, :5], 4),
    _dense(2),
    _dense(3),
    _dense(5),
    _dense(25),
    _dense(50),
    _half_cube(_dense(25)),
    _cdf(_dense(5)),
    _pairs(2),
    _pairs(3),
    _pairs(5),
    _pairs(25),
    _half_cube(_pairs(25)),
    _cdf(_pairs(3)),
    _cdf(_pairs(5)),
    _cdf(_pairs(25)),
    Gaussian("50x50-weak", sparse(50, 0.2)),
    StudentT(_pairs(2, 0.5), 1),
    _student(2, 2),
    _student(3, 2),
    _student(5, 3),
    _asinh(_student(5, 2)),
    _spiral(_pairs(3), 3),
    _spiral(_pairs(5), 5),
    _spiral(_pairs(25), 25),
    _spiral(_cdf(_pairs(5)), 5),
]
