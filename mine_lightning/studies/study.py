"""What a study is made of: points on the axis of a figure, and a row for what an estimator said at one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mine_lightning.data.known_mi import KnownMI
from mine_lightning.types import Row

__all__ = ["Point", "Row", "Study"]


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
