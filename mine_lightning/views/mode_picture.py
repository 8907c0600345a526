"""The map of modes as a picture, for loggers that take images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from mine_lightning.runs.mode_counts import mode_counts_of
from mine_lightning.views.mode_map import CELL, places, shade

__all__ = ["ModePictures", "mode_picture"]

_SCALE = 2  # pixels to a unit of the map, so that the gap between two squares is one
_PAPER = (255, 255, 255)
# none, and the six shades of the page in daylight
_COLOURS = (
    *((194, 50, 50), (219, 232, 247), (169, 203, 239), (107, 165, 226)),
    *((42, 120, 214), (27, 79, 145), (13, 43, 84)),
)


def mode_picture(counts: Sequence[int]) -> Tensor:
    """Return the map of :func:`mine_lightning.views.mode_map.mode_map` as pixels ``[height, width, 3]``, uint8.

    The darker a square, the more samples its mode has; a mode without any is a red frame.

    Args:
        counts: samples per mode.
    """
    corners, width, height = places(len(counts))
    picture = torch.tensor(_PAPER, dtype=torch.uint8).repeat(height * _SCALE, width * _SCALE, 1)
    even = sum(counts) / len(counts)
    for (x, y), count in zip(corners, counts, strict=True):
        level = shade(count, even)
        top, left, side = y * _SCALE + 1, x * _SCALE + 1, CELL * _SCALE - 2
        square = picture[top : top + side, left : left + side]
        square[:] = torch.tensor(_COLOURS[level], dtype=torch.uint8)
        if level == 0:
            square[2:-2, 2:-2] = torch.tensor(_PAPER, dtype=torch.uint8)
    return picture


@final
class ModePictures(Callback):
    """Logs the map of modes as the image ``modes`` after each evaluation that counts them."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        counts = mode_counts_of(trainer)
        loggers = [logger for logger in trainer.loggers if hasattr(logger, "log_image")]
        if counts is not None and loggers:
            picture = mode_picture(counts.tolist()).numpy()
            for logger in loggers:
                logger.log_image("modes", [picture], step=trainer.fit_loop.total_batch_idx)
