"""One picture for each evaluation, from what a host's first validation batch returned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

__all__ = ["EvaluationPictures"]


class EvaluationPictures(Callback, ABC):
    """Writes ``step-001500.png`` and logs ``samples`` at each evaluation; a subclass draws.

    Does nothing for a host whose ``validation_step`` returns no ``"samples"``, or none that it can draw.

    Args:
        folder: where the pictures go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def draw(self, samples: Tensor, batch: Any) -> Tensor | None:
        """Return a picture ``[height, width, 3]``, uint8, or None for samples of another kind."""

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if batch_idx > 0 or trainer.sanity_checking or not trainer.is_global_zero:
            return
        samples = outputs.get("samples") if isinstance(outputs, dict) else None
        picture = self.draw(samples, batch) if isinstance(samples, Tensor) else None
        if picture is None:
            return
        from PIL import Image

        # batches, not trainer.global_step: that counts every optimizer's steps
        step = trainer.fit_loop.total_batch_idx + 1
        Image.fromarray(picture.numpy()).save(self.folder / f"step-{step:06d}.png")
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("samples", [picture.numpy()], step=step - 1)
