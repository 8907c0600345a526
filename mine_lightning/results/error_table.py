"""The paper's Table 3, the information bottleneck on MNIST: published beside reproduced."""

from __future__ import annotations

import math
import statistics
from typing import Any

__all__ = ["PUBLISHED", "error_table"]

PUBLISHED: dict[str, tuple[str, float]] = {
    "ib_mnist_baseline": ("Baseline", 1.38),
    "ib_mnist_dropout": ("Dropout", 1.34),
    "ib_mnist_confidence_penalty": ("Confidence penalty", 1.36),
    "ib_mnist_label_smoothing": ("Label smoothing", 1.40),
    "ib_mnist_dvb": ("DVB", 1.13),
    "ib_mnist_dvb_noise": ("DVB + additive noise", 1.06),
    "ib_mnist_mine_gaussian": ("MINE (Gaussian)", 1.11),
    "ib_mnist_mine_propagated": ("MINE (Propagated)", 1.10),
    "ib_mnist_mine_additive": ("MINE (Additive)", 1.01),
}
"""Experiment to the row's name and its published test error in percent (Belghazi et al., ICML 2018, Table 3)."""


def error_table(summaries: list[dict[str, Any]], protocol: str = "default", dataset: str = "mnist") -> str:
    """Return a Markdown table of test errors in percent, a row for each system that has finished, else "not run".

    The standard error of a single run is the binomial one of its test set; of several runs it is that of their mean,
    which is zero where all agree, or the binomial one of one test set, whichever is larger: all seeds are tested on the
    same digits.

    Args:
        summaries: kept summaries.
        protocol: that counts.
        dataset: that counts.
    """
    lines = [
        "| test error, % | published | here | seeds | FGSM | noise | I(x; z), nats |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for experiment, (title, published) in PUBLISHED.items():
        wanted = (experiment, protocol, dataset)
        runs = [s["metrics"] for s in summaries if (s["experiment"], s["protocol"], s["dataset"]) == wanted]
        cells = _cells(runs) if runs else ["not run", "", "", "", ""]
        lines.append(f"| {title} | {published:.2f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(runs: list[dict[str, float]]) -> list[str]:
    errors = [run["test_error_percent"] for run in runs]
    of_seeds = statistics.stdev(errors) / math.sqrt(len(errors)) if len(errors) > 1 else 0.0
    of_digits = statistics.mean(run["test_error_percent_stderr"] for run in runs)
    return [
        f"{statistics.mean(errors):.2f} ± {max(of_seeds, of_digits):.2f}",
        str(len(runs)),
        _mean(runs, "fgsm_error_percent", ".1f"),
        _mean(runs, "noisy_error_percent", ".1f"),
        _information(runs),
    ]


def _mean(runs: list[dict[str, float]], key: str, form: str) -> str:
    values = [run[key] for run in runs if key in run]
    return format(statistics.mean(values), form) if values else ""


def _information(runs: list[dict[str, float]]) -> str:
    """Return the bounds, and where the lower one is at its limit that it is no more than that."""
    known = [run for run in runs if "mi_lower" in run]
    if not known:
        return ""
    lower, upper, limit = (statistics.mean(run[key] for run in known) for key in ("mi_lower", "mi_upper", "mi_limit"))
    # within a tenth of a nat of ln N the bounds say that densities hardly overlap, and no more
    return f"above {lower:.1f} (the limit)" if lower > limit - 0.1 else f"{lower:.1f} to {upper:.1f}"
