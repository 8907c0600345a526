"""The weight of a term over training."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mine_lightning.errors import InputError

__all__ = ["BetaSchedule"]


class BetaSchedule:
    """Beta as straight lines between points, level before the first and after the last.

    ``{0: 0.0, 2: 1.0}`` rises from 0 over the first two epochs and stays at 1. A function of the epoch alone, so a
    resumed run has it as the run that was never interrupted. Where the loader has no length it moves from epoch to
    epoch, and stands still within one.

    Args:
        points: beta at each epoch, counted from 0; 1.5 is the middle of the second, 2 the end of that.

    Raises:
        InputError: if there is no point, an epoch or a beta that is no number from 0 on, or an epoch twice.

    Examples:
        >>> BetaSchedule({0: 0.0, 2: 1.0}).at(0.5)
        0.25
    """

    def __init__(self, points: Mapping[float, float]) -> None:
        try:
            self.points = sorted((float(epoch), float(beta)) for epoch, beta in points.items())
        except (TypeError, ValueError):
            self.points = []
        numbers = [number for point in self.points for number in point]
        epochs = {epoch for epoch, _ in self.points}
        if not numbers or not all(0 <= number < math.inf for number in numbers) or len(epochs) < len(self.points):
            raise InputError(
                f"Expected beta over training as epochs, each once, and betas from 0 on but got {dict(points)!r}; "
                "write beta={0: 0.0, 2: 1.0} for a rise over the first two epochs."
            )

    def at(self, epoch: float) -> float:
        """Return beta at an epoch, which may lie between two."""
        before = [point for point in self.points if point[0] <= epoch]
        after = [point for point in self.points if point[0] > epoch]
        if not before or not after:
            return before[-1][1] if before else after[0][1]
        (start, low), (end, high) = before[-1], after[0]
        return low + (high - low) * (epoch - start) / (end - start)

    def __str__(self) -> str:
        return ", ".join(f"{beta:g} at epoch {epoch:g}" for epoch, beta in self.points)
