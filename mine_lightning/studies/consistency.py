"""The error of an estimate against the number of pairs, in several dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.errors import InputError
from mine_lightning.studies.study import Point, Row, Study, check_sizes

__all__ = ["Consistency"]


class Consistency(Study):
    r"""Gaussians with the same information in every dimension, from few pairs to many.

    A strongly consistent estimator (Belghazi et al., ICML 2018, theorem 2) comes as near to the truth as one likes,
    and by theorem 3 :math:`O(d \log d / \epsilon^2)` pairs are enough for an error of epsilon nats, d being the
    number of T's parameters. What is measured is the error itself, with the dimensions of x and z in the place of d.
    The correlation of each pair of coordinates is :math:`\rho = \sqrt{1 - e^{-2 I / d}}`.

    Args:
        dims: dimensions of x and of z, one panel each.
        n: numbers of pairs, each at least 100.
        nats: the information.
        datasets: number of fresh data sets at each n.

    Raises:
        InputError: for fewer pairs than that, another size below 1, or information that is not positive.
    """

    def __init__(self, dims: Sequence[int], n: Sequence[int], nats: float = 1.0, datasets: int = 4) -> None:
        check_sizes(datasets, n=n, dims=dims)
        if nats <= 0:
            raise InputError(f"Expected nats above 0 but got {nats}; independent pairs are a check of estimate_mi.")
        self.dims, self.n, self.nats, self.datasets = list(dims), list(n), nats, datasets

    def points(self) -> Iterator[Point]:
        for dataset in range(self.datasets):
            for dims in self.dims:
                rho = math.sqrt(-math.expm1(-2 * self.nats / dims))
                panel = "1 dimension a side" if dims == 1 else f"{dims} dimensions a side"
                distribution = Gaussian(f"gaussian-{dims}d-{rho:.2f}", sparse(dims, rho))
                for n in self.n:
                    yield Point(panel, n, distribution, n, dataset)

    def plot(self, rows: Sequence[Row]) -> Any:
        from mine_lightning.views.study import errors_figure

        return errors_figure(rows, "pairs")
