"""Pictures of generated points in the plane over the data's, one for each evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

__all__ = ["PointCloud", "point_picture"]

_DATA, _GENERATED = (200, 200, 200), (31, 90, 180)


def point_picture(points: Tensor, data: Tensor, side: int = 480, dot: int = 3) -> Tensor:
    """Return one picture ``[side, side, 3]``, uint8: generated points in blue over the data's in grey, on white.

    The frame follows the data, a fifth wider on each side, so that pictures of one run can be compared.

    Args:
        points: generated, ``[n, 2]``; those outside of the frame, or not finite, are left out.
        data: ``[m, 2]``.
        side: pixels of a side.
        dot: pixels of a point's side.
    """
    low, high = data.min(dim=0).values, data.max(dim=0).values
    half, middle = (high - low).max() * 0.7, (low + high) / 2
    picture = torch.full((side, side, 3), 255, dtype=torch.uint8)
    for cloud, colour in ((data, _DATA), (points, _GENERATED)):
        # y upwards, as one draws it
        place = (cloud.detach().float().cpu() - middle.cpu()) / half.cpu() * torch.tensor([1.0, -1.0])
        place = place[(place.abs() < 1).all(dim=1)]
        column, row = ((place + 1) / 2 * (side - dot)).round().long().unbind(dim=1)
        for shift in range(dot * dot):
            picture[row + shift // dot, column + shift % dot] = torch.tensor(colour, dtype=torch.uint8)
    return picture


class PointCloud(Callback):
    """Write ``step-001000.png`` and log ``samples`` at each evaluation, from the host's first validation batch.

    Does nothing for a host whose ``validation_step`` returns no ``"samples"``, or others than ``[n, 2]``.

    Args:
        folder: where the pictures go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        if not isinstance(samples, Tensor) or samples.ndim != 2 or samples.shape[1] != 2:
            return
        from PIL import Image

        # batches, not trainer.global_step: that counts every optimizer's steps
        step = trainer.fit_loop.total_batch_idx + 1
        picture = point_picture(samples, batch).numpy()
        Image.fromarray(picture).save(self.folder / f"step-{step:06d}.png")
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("samples", [picture], step=step - 1)
