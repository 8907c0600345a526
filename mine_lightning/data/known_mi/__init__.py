"""Distributions whose mutual information is known: what an estimator can be checked against.

Contract. Each is a :class:`KnownMI`: ``sample(n, seed)`` returns float32 x ``[n, *]`` and z ``[n, *]``, the same for
the same seed, without moving the global random state; ``mi`` is the truth in nats, a closed form or a numerical
integral; ``name`` says in a few letters what it is. ``tasks.TASKS`` holds the forty that the benchmark reports.
"""

from mine_lightning.data.known_mi.additive import NoisyFunction, UniformNoise
from mine_lightning.data.known_mi.distribution import KnownMI
from mine_lightning.data.known_mi.elliptical import Gaussian, StudentT, dense, sparse
from mine_lightning.data.known_mi.maps import Mapped
from mine_lightning.data.known_mi.mixture import DiscreteJoint, GaussianMixture

__all__ = [
    "DiscreteJoint",
    "Gaussian",
    "GaussianMixture",
    "KnownMI",
    "Mapped",
    "NoisyFunction",
    "StudentT",
    "UniformNoise",
    "dense",
    "sparse",
]
