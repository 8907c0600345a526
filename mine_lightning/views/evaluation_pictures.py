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

    Does nothing for a host whose ``validation_step`` returns no ``"samples"``, or none that it can draw. A subclass may
    draw another output, set ``output`` to its key and ``title`` to what the picture is called in logs and, before
    ``-step-001500.png``, in files.

    Args:
        folder: where the pictures go.
    """

    output = "samples"
    title = "samples"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def draw(self, found: Tensor, batch: Any, host: LightningModule) -> Tensor | None:
        """Return a picture ``[height, width, 3]``, uint8, or None for an output of another kind.

        Args:
            found: the output, of the evaluation's first batch.
            batch: that batch.
            host: in evaluation mode; gradients are off.
        """

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
        found = outputs.get(self.output) if isinstance(outputs, dict) else None
        picture = self.draw(found, batch, pl_module) if isinstance(found, Tensor) else None
        if picture is None:
            return
        from PIL import Image

        # batches, not trainer.global_step: that counts every optimizer's steps
        step = trainer.fit_loop.total_batch_idx + 1
        prefix = "" if self.title == "samples" else f"{self.title}-"
        Image.fromarray(picture.numpy()).save(self.folder / f"{prefix}step-{step:06d}.png")
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image(self.title, [picture.numpy()], step=step - 1)
