"""Estimators side by side on distributions with known information: the paper's figures and claims, as configs.

Contract. A :class:`Study` yields :class:`Point` after point, a distribution with the sample size and the data set's
number; an :class:`Estimator` returns a :class:`Reading` in nats of its pairs; :func:`run` meets all estimators with all
points and appends a row to a CSV file for each, so that a stopped study goes on where it was. ``mi_gaussian_2d`` and
its neighbours in ``configs/`` are such studies.
"""

from mine_lightning.studies.consistency import Consistency
from mine_lightning.studies.correlated_gaussians import CorrelatedGaussians
from mine_lightning.studies.estimators import CrossFitted, Estimator, NearestNeighbours, Reading, Trained
from mine_lightning.studies.noisy_functions import NoisyFunctions
from mine_lightning.studies.running import read_rows, run
from mine_lightning.studies.study import Point, Row, Study

__all__ = [
    "Consistency",
    "CorrelatedGaussians",
    "CrossFitted",
    "Estimator",
    "NearestNeighbours",
    "NoisyFunctions",
    "Point",
    "Reading",
    "Row",
    "Study",
    "Trained",
    "read_rows",
    "run",
]
