"""Callbacks that score what a host's ``validation_step`` and ``test_step`` return, so that hosts know of no judge.

Contract. A host returns a dict of tensors; a GAN returns ``{"samples": images [n, c, h, w] in [-1, 1]}``, or points
``[n, d]``; a classifier with a code returns one draw of it, ``{"z", "mean", "std"}``. A callback here labels them,
updates torchmetrics and logs ``val/NAME`` and ``test/NAME``. It may import judges and metrics.
"""

from mine_lightning.evaluations.code_information import CodeInformation
from mine_lightning.evaluations.mixture_coverage import MixtureCoverage
from mine_lightning.evaluations.mode_coverage import ModeCoverage
from mine_lightning.evaluations.reconstruction import Reconstruction
from mine_lightning.evaluations.robustness import Robustness

__all__ = ["CodeInformation", "MixtureCoverage", "ModeCoverage", "Reconstruction", "Robustness"]
