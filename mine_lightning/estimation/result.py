"""What an estimate of mutual information is returned as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mine_lightning.estimation.training import Point

__all__ = ["Check", "MIEstimate"]


@dataclass(frozen=True)
class Check:
    """One test of an estimate against what must hold whatever the truth is.

    Attributes:
        expected: what it should be, in nats.
        nats: what it is.
        tolerance: how far apart the two may be, in nats.
    """

    expected: float
    nats: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the two agree within the tolerance."""
        return abs(self.nats - self.expected) <= self.tolerance

    def __str__(self) -> str:
        verdict = "holds" if self.passed else "FAILS"
        return f"{verdict}: {self.nats:.3f}, expected {self.expected:.3f} ± {self.tolerance:.3f} nats"


@dataclass(frozen=True)
class MIEstimate:
    """An estimate of I(x; z).

    Attributes:
        nats: the value, a lower bound up to its error, from pairs that T was not trained on.
        stderr: standard deviation of ``nats`` over fresh data sets of the same size, in nats, as far as the pairs that
            T is read on bring it; what its training on other pairs brings is little of 10,000 pairs
            (``benchmarks/estimate_honesty.py``) and much of a few hundred.
        interval: where the truth should lie: two standard errors to both sides, and above besides twice as much as T
            scores higher on the pairs that it was trained on. On those it is too high by about as much as it is too
            low on others, so that the truth is half way between, if T can express it and training ended; twice all
            of it is the allowance for when not. What no training finds (a sharp edge) is not in it.
        curve: value on validation pairs against optimizer steps, one list for each fold.
        n: number of pairs.
        settings: what was used, defaults included.
        warnings: what there is to doubt, one sentence each.
        checks: independence, data processing and additivity, where they were asked for.
    """

    nats: float
    stderr: float
    interval: tuple[float, float]
    curve: list[list[Point]]
    n: int
    settings: dict[str, Any]
    warnings: list[str]
    checks: dict[str, Check] = field(default_factory=dict)

    def __str__(self) -> str:
        low, high = self.interval
        text = f"{self.nats:.3f} ± {self.stderr:.3f} nats ({low:.3f} to {high:.3f}) from {self.n:,} pairs"
        checks = (f"{name:<16} {check}" for name, check in self.checks.items())
        return "\n".join([text, *(f"warning: {warning}" for warning in self.warnings), *checks])

    def plot(self) -> Any:
        """Return a matplotlib figure of the learning curves, the value and its interval."""
        from mine_lightning.views.estimate import plot_estimate

        return plot_estimate(self)
