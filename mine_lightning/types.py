"""The callables that hosts, the estimator and the regularizer take, named once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

__all__ = ["JointFactory", "ModuleFactory", "OptimizerFactory", "ScheduleFactory", "Shape", "StatisticsFactory"]

Shape = tuple[int, ...]

StatisticsFactory = Callable[[Shape, Shape], nn.Module]
"""``(x_shape, z_shape) -> T``; both shapes without the batch axis."""

OptimizerFactory = Callable[[Iterable[Any]], Optimizer]
"""``parameters -> optimizer``; ``torch.optim.Adam`` is one."""

ScheduleFactory = Callable[[Optimizer], LRScheduler]
"""``optimizer -> learning-rate schedule``; ``torch.optim.lr_scheduler.CosineAnnealingLR`` with its T_max is one."""

ModuleFactory = Callable[[int], nn.Module]
"""``size -> module``: a discriminator from the channels of its images, an encoder from the length of its output."""

JointFactory = Callable[[int, int], nn.Module]
"""``(features, latent) -> module``: what a discriminator of pairs adds to one of images."""
