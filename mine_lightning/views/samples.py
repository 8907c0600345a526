"""Grids of generated images, one for each evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from mine_lightning.views.evaluation_pictures import EvaluationPictures

__all__ = ["SampleGrid", "image_grid"]


def image_grid(images: Tensor, columns: int = 8, gap: int = 2) -> Tensor:
    """Return one picture ``[height, width, 3]``, uint8, of images ``[n, c, h, w]`` in [-1, 1] (c is 1 or 3).

    uint8 on purpose: wandb and others show a float image as black.
    """
    from torchvision.utils import make_grid

    pixels = make_grid(images.detach().float().cpu().clamp(-1, 1), nrow=columns, padding=gap, pad_value=1.0)
    return ((pixels + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)


@final
class SampleGrid(EvaluationPictures):
    """Draws a grid of generated images at each evaluation; does nothing for samples that are no images.

    Args:
        folder: where the pictures go.
        count: images of a picture.
    """

    def __init__(self, folder: Path, count: int = 64) -> None:
        super().__init__(folder)
        self.count = count

    def draw(self, found: Tensor, batch: Any, host: LightningModule) -> Tensor | None:
        return image_grid(found[: self.count]) if found.ndim == 4 and found.shape[1] in (1, 3) else None
