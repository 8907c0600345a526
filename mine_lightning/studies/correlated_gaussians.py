"""Gaussians whose coordinates correlate in pairs, over a grid of correlations (figure 1 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.errors import InputError
from mine_lightning.studies.study import Point, Row, Study, check_sizes

__all__ = ["CorrelatedGaussians"]


class CorrelatedGaussians(Study):
    r"""x and z standard normal with corr(x_i, z_j) = rho where i = j and else 0.

    .. math:: I(x; z) = -\frac d2 \log(1 - \rho^2)

    Source: Belghazi et al., ICML 2018, figure 1, in 2 and in 20 dimensions.

    Args:
        dims: dimensions d of x and of z.
        rho: correlations, each in (-1, 1).
        n: pairs in a data set.
        datasets: number of fresh data sets at each correlation.

    Raises:
        InputError: for a correlation outside its range, or a size below 1.
    """

    def __init__(self, dims: int, rho: Sequence[float], n: int = 10_000, datasets: int = 3) -> None:
        check_sizes(datasets, rho=rho, n=[n], dims=[dims])
        outside = [value for value in rho if not -1 < value < 1]
        if outside:
            raise InputError(f"Expected every rho in (-1, 1) but got {outside[0]}; at 1 the information is infinite.")
        self.dims, self.rho, self.n, self.datasets = dims, list(rho), n, datasets

    def points(self) -> Iterator[Point]:
        for dataset in range(self.datasets):
            for rho in self.rho:
                distribution = Gaussian(f"gaussian-{self.dims}d-{rho:g}", sparse(self.dims, rho))
                yield Point(f"{self.dims} dimensions a side", rho, distribution, self.n, dataset)

    def plot(self, rows: Sequence[Row]) -> Any:
        from mine_lightning.views.study import estimates_figure

        return estimates_figure(rows, "correlation of each pair of coordinates")
