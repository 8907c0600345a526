"""Pictures of generated points in the plane over the data's, one for each evaluation."""

from __future__ import annotations

from typing import Any, final

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from mine_lightning.views.evaluation_pictures import EvaluationPictures

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


@final
class PointCloud(EvaluationPictures):
    """Draws generated points ``[n, 2]`` over the batch's at each evaluation; does nothing for others."""

    def draw(self, found: Tensor, batch: Any, host: LightningModule) -> Tensor | None:
        planar = all(isinstance(side, Tensor) and side.ndim == 2 and side.shape[1] == 2 for side in (found, batch))
        return point_picture(found, batch) if planar else None
