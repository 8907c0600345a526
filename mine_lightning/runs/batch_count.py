"""The training batch that a logged number belongs to: Lightning gives loggers the steps of the optimizer."""

from __future__ import annotations

from typing import Any, final

from pytorch_lightning import Callback, LightningModule, Trainer

__all__ = ["BatchCount"]


@final
class BatchCount(Callback):
    """Turns the steps that Lightning gives to loggers into training batches, which all else of a run is counted in.

    The two differ where gradients are accumulated. It has to stand before the callbacks that log.
    """

    def __init__(self) -> None:
        self._loop: Any = None
        self._ahead = 0  # batches, of Lightning's steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, trainer.fit_loop.total_batch_idx + 1)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._look(trainer, trainer.fit_loop.total_batch_idx)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, trainer.fit_loop.total_batch_idx + 1)

    def batches(self, step: int) -> int:
        """Return the batch, from 0, of the step that Lightning is at; a step of any other count is left as it is."""
        if self._loop is None or step != self._loop._batches_that_stepped:
            return step
        return step + self._ahead

    def _look(self, trainer: Trainer, batch: int) -> None:
        self._loop = trainer.fit_loop.epoch_loop
        self._ahead = batch - self._loop._batches_that_stepped
