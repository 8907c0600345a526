"""The result of a run inside its W&B run: a table beside the published numbers, and how samples spread over modes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

__all__ = ["log_results"]


@rank_zero_only
def log_results(
    loggers: Iterable[Logger],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    counts: Sequence[int] | None,
    step: int,
) -> None:
    """Log the table ``results`` and, where modes were counted, the chart ``samples per mode``; without W&B nothing.

    The chart is a histogram over modes, made by W&B from a table. Not ``wandb.Histogram``: its bins would stand as
    dozens of lines in the summary, in ``wandb leet`` too.

    Args:
        loggers: the trainer's.
        header: of the table.
        rows: of the table.
        counts: samples per mode of the last evaluation, or None.
        step: training batches; where on the axis both lie.
    """
    for logger in loggers:
        if not isinstance(logger, WandbLogger):
            continue
        import wandb

        logged: dict[str, Any] = {"results": wandb.Table(columns=list(header), data=[list(row) for row in rows])}
        if counts is not None:
            table = wandb.Table(columns=["mode", "samples"], data=[[mode, count] for mode, count in enumerate(counts)])
            logged["samples_per_mode"] = wandb.plot.histogram(table, value="samples", title="samples per mode")
        logger.experiment.log({**logged, "trainer/global_step": step - 1})
