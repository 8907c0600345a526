"""What a study is made of: points on the axis of a figure, and a row for what an estimator said at one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mine_lightning.data.known_mi import KnownMI
from mine_lightning.errors import InputError
from mine_lightning.types import Row

__all__ = ["Point", "Row", "Study", "check_sizes"]

FEWEST = 100  # pairs, of which an estimate says something


@dataclass(frozen=True)
class Point:
    """Where estimators meet a distribution.

    Attributes:
        panel: the part of the figure it belongs to.
        at: its place on the axis.
        distribution: what the pairs are drawn from.
        n: number of pairs.
        dataset: number of the data set, from 0 on; each is drawn afresh.
    """

    panel: str
    at: float
    distribution: KnownMI
    n: int
    dataset: int


class Study(ABC):
    """A figure of estimates beside the truth."""

    @abstractmethod
    def points(self) -> Iterator[Point]:
        """Yield the points, all of the first data set before those of the second."""

    @abstractmethod
    def plot(self, rows: Sequence[Row]) -> Any:
        """Return a matplotlib figure of the rows."""


def check_sizes(datasets: int, **sizes: Sequence[float]) -> None:
    """Check how large a study is: at least a data set, and of each size at least one, none twice.

    Args:
        datasets: number of fresh data sets at each point.
        sizes: by its name each axis; ``n``, pairs, is at least 100, ``dims`` at least 1.

    Raises:
        InputError: for the first that does not fit.
    """
    if datasets < 1:
        raise InputError(f"Expected datasets >= 1 but got {datasets}; a study needs one.")
    for name, values in sizes.items():
        if not values or len(set(values)) < len(values):
            raise InputError(f"Expected {name} to have one value or more, none twice, but got {list(values)}.")
        least = {"n": FEWEST, "dims": 1}.get(name, -float("inf"))
        if min(values) < least:
            raise InputError(f"Expected {name} >= {least} but got {min(values)}; correct it.")
