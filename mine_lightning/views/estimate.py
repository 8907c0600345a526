"""A figure of an estimate of mutual information: learning curves, value, interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mine_lightning.estimation.result import MIEstimate

__all__ = ["plot_estimate"]


def plot_estimate(estimate: MIEstimate) -> Any:
    """Return a matplotlib figure: each fold's value on validation pairs by step, the estimate and its interval.

    The figure belongs to no window and no global state; ``figure.savefig(path)`` writes it.

    Args:
        estimate: what ``estimate_mi`` returned.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for k, curve in enumerate(estimate.curve):
        axes.plot([p.step for p in curve], [p.nats for p in curve], lw=1, label=f"validation, fold {k + 1}")
    low, high = estimate.interval
    axes.axhspan(low, high, alpha=0.15, color="k", label=f"interval, {low:.3f} to {high:.3f}")
    axes.axhline(estimate.nats, color="k", lw=1, label=f"{estimate.nats:.3f} ± {estimate.stderr:.3f} nats")
    axes.set_xlabel("optimizer steps")
    axes.set_ylabel("nats")
    axes.legend(fontsize="small")
    return figure
