"""A function of x seen through noise, over a grid of noises (figure 2 of the paper)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from mine_lightning.data.known_mi import NoisyFunction
from mine_lightning.errors import InputError
from mine_lightning.studies.study import Point, Row, Study, check_sizes

__all__ = ["NoisyFunctions"]

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"x": lambda x: x, "x³": lambda x: x**3, "sin x": torch.sin}


class NoisyFunctions(Study):
    """z = f(x) + sigma e for f in x, x³ and sin x, x uniform on [-1, 1] in each dimension, e standard normal.

    The paper says of its figure that the estimate is invariant to f. The information itself is not, for the noise is
    added after f: beside each estimate stands the truth, integrated numerically.

    Source: Belghazi et al., ICML 2018, section 5.2 and figure 2.

    Args:
        sigma: noises, each positive.
        dims: dimensions of x and of z.
        n: pairs in a data set.
        datasets: number of fresh data sets at each noise.

    Raises:
        InputError: for a noise that is not positive, or a size below 1.
    """

    def __init__(self, sigma: Sequence[float], dims: int = 2, n: int = 3_000, datasets: int = 2) -> None:
        check_sizes(datasets, sigma=sigma, n=[n], dims=[dims])
        if min(sigma) <= 0:
            raise InputError(f"Expected every sigma above 0 but got {min(sigma)}; at 0 the information is infinite.")
        self.sigma, self.dims, self.n, self.datasets = list(sigma), dims, n, datasets

    def points(self) -> Iterator[Point]:
        for dataset in range(self.datasets):
            for name, function in FUNCTIONS.items():
                for sigma in self.sigma:
                    distribution = NoisyFunction(name, function, sigma, self.dims)
                    yield Point(f"f(x) = {name}", sigma, distribution, self.n, dataset)

    def plot(self, rows: Sequence[Row]) -> Any:
        from mine_lightning.views.study import estimates_figure

        return estimates_figure(rows, "standard deviation of the noise")
