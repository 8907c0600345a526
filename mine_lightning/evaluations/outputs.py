"""What every scoring callback does with a host's outputs and with its metrics."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics import MetricCollection

from mine_lightning.errors import InputError

__all__ = ["log_scores", "samples_of"]


def samples_of(outputs: Any, host: LightningModule, reader: str) -> Tensor:
    """Return the samples that a host's evaluation step returned.

    Args:
        outputs: what it returned.
        host: the host.
        reader: the name of the callback that asks.

    Raises:
        InputError: if there are none.
    """
    if not isinstance(outputs, dict) or "samples" not in outputs:
        raise InputError(
            f"Expected {type(host).__name__} to return {{'samples': images}} from its validation and test step but got "
            f"{type(outputs).__name__}; return them, or take {reader} off."
        )
    return outputs["samples"]


def log_scores(host: LightningModule, prefix: str, scores: MetricCollection, prog_bar: bool = False) -> None:
    """Log every metric as ``PREFIX`` followed by its name."""
    for name, value in scores.compute().items():
        # compute() has summed over processes already; sync_dist averages equal numbers, and says so to Lightning
        host.log(f"{prefix}{name}", value, prog_bar=prog_bar, sync_dist=True)
