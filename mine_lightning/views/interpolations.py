"""The way from one image to another through latent space, one picture for each evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from mine_lightning.views.evaluation_pictures import EvaluationPictures
from mine_lightning.views.samples import image_grid

__all__ = ["Interpolations"]


@final
class Interpolations(EvaluationPictures):
    """Draws, in each row, two images of the batch and between them what is decoded on the line between their codes.

    Reads ``outputs["code"]`` of the host's ``validation_step``, latent vectors ``[n, d]`` of the batch's images, and
    calls the host, which decodes them; does nothing for other outputs.

    Source: Dumoulin et al., ALI, ICLR 2017, figure on interpolations.

    Args:
        folder: where the pictures go.
        rows: pairs of images of a picture.
        steps: decoded images between them, those of both codes included; at least 2.
    """

    output = "code"
    title = "interpolations"

    def __init__(self, folder: Path, rows: int = 8, steps: int = 8) -> None:
        super().__init__(folder)
        self.rows = rows
        self.steps = steps

    def draw(self, found: Tensor, batch: Any, host: LightningModule) -> Tensor | None:
        rows = min(self.rows, len(found) // 2)
        if found.ndim != 2 or not isinstance(batch, Tensor) or batch.ndim != 4 or rows < 1:
            return None
        (first, last), (left, right) = (part[: 2 * rows].unflatten(0, (rows, 2)).unbind(1) for part in (found, batch))
        place = torch.linspace(0, 1, self.steps, device=found.device)[:, None]
        lines = torch.lerp(first[:, None], last[:, None], place)  # [rows, steps, d]
        decoded = host(lines.flatten(0, 1).to(host.dtype)).float().unflatten(0, (rows, self.steps))
        pictures = torch.cat([left[:, None].to(decoded), decoded, right[:, None].to(decoded)], dim=1)
        return image_grid(pictures.flatten(0, 1), columns=self.steps + 2)
