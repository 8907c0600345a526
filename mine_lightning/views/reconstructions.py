"""Images beside their reconstructions, one picture for each evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from mine_lightning.views.evaluation_pictures import EvaluationPictures
from mine_lightning.views.samples import image_grid

__all__ = ["Reconstructions"]


@final
class Reconstructions(EvaluationPictures):
    """Draws images of the batch, each with its reconstruction at its right, at each evaluation.

    Reads ``outputs["reconstruction"]`` of the host's ``validation_step``; does nothing where these are no images.

    Args:
        folder: where the pictures go.
        count: pairs of a picture.
    """

    output = "reconstruction"
    title = "reconstructions"

    def __init__(self, folder: Path, count: int = 32) -> None:
        super().__init__(folder)
        self.count = count

    def draw(self, found: Tensor, batch: Any, host: LightningModule) -> Tensor | None:
        if found.ndim != 4 or not isinstance(batch, Tensor) or batch.shape != found.shape:
            return None
        pairs = torch.stack([batch.to(found)[: self.count], found[: self.count]], dim=1)
        return image_grid(pairs.flatten(0, 1))
