"""What the weight of a bottleneck's term does: information and error over beta, in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mine_lightning.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bottleneck_sweep"]


def bottleneck_sweep(runs: Mapping[float, Mapping[str, float]]) -> Figure:
    """Draw I(x; z) over beta, between its bounds and by MINE, with ln N, and the error beside it.

    Args:
        runs: beta to the metrics of a run's ``summary.json``: ``mi_lower``, ``mi_upper``, ``mi_limit`` (nats),
            ``test_error_percent``, and where the run was validated ``mi``. At least one; beta may be 0.

    Returns:
        A figure of its own, unknown to pyplot; ``figure.savefig(path)`` writes it.

    Raises:
        InputError: without matplotlib, or without a run.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise InputError(
            "Expected matplotlib for the plot but it is not installed; pip install 'mine_lightning[plot]'."
        ) from error
    if not runs:
        raise InputError("Expected the metrics of one run or more but got none; give them by their beta.")

    betas = sorted(runs)
    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    information, errors = figure.subplots(1, 2)
    # far above ln N the upper bound says only that densities do not overlap; set first, for the limits to be its own
    information.set_yscale("symlog", linthresh=10)
    for name, label, style in (
        ("mi_upper", "upper bound", "v--"),
        ("mi_lower", "lower bound", "^--"),
        ("mi", "MINE", "o-"),
    ):
        known = [beta for beta in betas if name in runs[beta]]
        information.plot([betas.index(b) for b in known], [runs[b][name] for b in known], style, label=label)
    limit = min((run["mi_limit"] for run in runs.values() if "mi_limit" in run), default=None)
    if limit is not None:
        information.axhline(limit, color="0.45", linewidth=1, label="ln N: near it no value is to be trusted")
    information.set(ylabel="I(x; z), nats")
    information.legend(frameon=False, fontsize="small")
    wrong = [runs[b]["test_error_percent"] for b in betas]
    errors.plot(range(len(betas)), wrong, "o-", color="k")
    errors.set(ylabel="test error, %", ylim=(0, 1.1 * max(wrong) or None))
    for axes in (information, errors):
        axes.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
        axes.set_xlabel("beta")
        axes.grid(color="0.93")
    return figure
