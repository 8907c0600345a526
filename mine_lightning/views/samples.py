"""Grids of generated images, one for each evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

__all__ = ["SampleGrid", "image_grid"]


def image_grid(images: Tensor, columns: int = 8, gap: int = 2) -> Tensor:
    """Return one picture ``[height, width, 3]``, uint8, of images ``[n, c, h, w]`` in [-1, 1] (c is 1 or 3).

    uint8 on purpose: wandb and others show a float image as black.
    """
    from torchvision.utils import make_grid

    pixels = make_grid(images.detach().float().cpu().clamp(-1, 1), nrow=columns, padding=gap, pad_value=1.0)
    return ((pixels + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)


class SampleGrid(Callback):
    """Write ``step-001500.png`` and log ``samples`` at each evaluation, from the host's first validation batch.

    Does nothing for a host whose ``validation_step`` returns no ``"samples"``, or no images.

    Args:
        folder: where the pictures go.
        count: images of a picture.
    """

    def __init__(self, folder: Path, count: int = 64) -> None:
        self.folder = folder
        self.count = count

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
        images = outputs.get("samples") if isinstance(outputs, dict) else None
        if not isinstance(images, Tensor) or images.ndim != 4:
            return
        from PIL import Image

        # batches, not trainer.global_step: that counts every optimizer's steps
        step = trainer.fit_loop.total_batch_idx + 1
        grid = image_grid(images[: self.count])
        Image.fromarray(grid.numpy()).save(self.folder / f"step-{step:06d}.png")
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("samples", [grid.numpy()], step=step - 1)
