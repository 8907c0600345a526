"""The hooks of validation and test that an evaluation needs, as three methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

__all__ = ["Evaluation"]


class Evaluation(Callback, ABC):
    """A callback that does the same in validation and in the test, under the prefixes ``val/`` and ``test/``."""

    @abstractmethod
    def begin(self, host: LightningModule, prefix: str) -> None:
        """Forget what the last evaluation saw."""

    @abstractmethod
    def take(self, host: LightningModule, outputs: Any, batch: Any, prefix: str) -> None:
        """Take in a batch and what the host's step returned for it."""

    @abstractmethod
    def end(self, host: LightningModule, prefix: str) -> None:
        """Log what was found."""

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.begin(pl_module, "val/")

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.begin(pl_module, "test/")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.take(pl_module, outputs, batch, "val/")

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.take(pl_module, outputs, batch, "test/")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.end(pl_module, "val/")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.end(pl_module, "test/")
