"""The terminal: a progress bar that suits it, and the final table."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar, RichProgressBar, TQDMProgressBar

__all__ = ["progress_bar", "quiet_lightning", "table"]


def progress_bar() -> ProgressBar:
    """Return Rich's bar on a terminal, and tqdm's elsewhere: Rich prints next to nothing into a file."""
    return _Rich() if sys.stdout.isatty() else _Tqdm(refresh_rate=100)


class _Rich(RichProgressBar):
    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        # as text: Rich's bar would print a whole number with three decimals
        return {key: str(value) for key, value in _readable(super().get_metrics(trainer, pl_module)).items()}


class _Tqdm(TQDMProgressBar):
    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        return _readable(super().get_metrics(trainer, pl_module))


def _readable(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return whole numbers as such (1000, not 1e+3), others with three decimals, and no version number."""
    metrics = {key: value for key, value in metrics.items() if key != "v_num"}
    return {key: int(v) if isinstance(v, float) and v.is_integer() else f"{v:.3f}" for key, v in metrics.items()}


# remarks of Lightning and wandb that no user of ours can act on
_REMARKS = (
    "Precision .* is not supported by the model summary",
    ".*LeafSpec.* is deprecated",
    ".*does not have many workers",  # batches are cut from memory: workers would slow them
    ".*smaller than the logging interval",
    "Total length of `list` across ranks is zero",  # a final run has nothing to validate on
    "Checkpoint directory .* exists and is not empty",  # it is the one that is resumed
)


def quiet_lightning() -> None:
    """Silence Lightning's advertisements, and remarks that no user can act on."""
    for remark in _REMARKS:
        warnings.filterwarnings("ignore", message=remark)
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.rank_zero"):
        logger = logging.getLogger(name)
        if _is_no_tip not in logger.filters:
            logger.addFilter(_is_no_tip)


def table(title: str, rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Return a plain text table: readable on a terminal, in a log file and in an issue.

    A column without a single cell is left out.
    """
    kept = [i for i in range(len(header)) if i == 0 or any(row[i] for row in rows)]
    header, rows = tuple(header[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    rule = "-" * max(len(line) for line in [title, *lines])
    return "\n".join([title, rule, lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:]), rule])


def _is_no_tip(record: logging.LogRecord) -> bool:
    # a host's own callback takes the place of the one that it had for training, as it should
    return not any(words in record.getMessage() for words in ("Tip:", "will override existing callbacks"))
