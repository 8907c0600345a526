"""The callables that hosts, the estimator and the regularizer take, named once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer

__all__ = ["OptimizerFactory", "Shape", "StatisticsFactory"]

Shape = tuple[int, ...]

StatisticsFactory = Callable[[Shape, Shape], nn.Module]
"""``(x_shape, z_shape) -> T``; both shapes without the batch axis."""

OptimizerFactory = Callable[[Iterable[Any]], Optimizer]
"""``parameters -> optimizer``; ``torch.optim.Adam`` is one."""
