"""Batches cut out of a data set at once, in an order that a resumed run finds again, and pixels in [-1, 1]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

__all__ = ["EpochSampler", "loader", "pixels"]


class EpochSampler(Sampler[int]):
    """A random order that depends on (seed, epoch) alone, so that a resumed run sees what it would have seen.

    Args:
        size: number of samples.
        seed: of the order.
        passes: over all samples in one epoch, each in its own order.
    """

    def __init__(self, size: int, seed: int, passes: int = 1) -> None:
        self.size = size
        self.seed = seed
        self.passes = passes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls it before each."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size * self.passes

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        orders = [torch.randperm(self.size, generator=generator) for _ in range(self.passes)]
        return iter(torch.cat(orders).tolist())


def loader(data: Dataset[Any], batch_size: int, sampler: EpochSampler | None = None) -> DataLoader[Any]:
    """Return a loader of what the data set's ``__getitems__`` makes of the indices of a batch.

    Args:
        data: whose ``__getitems__`` returns a batch: collating single samples costs as much as a small network.
        batch_size: samples of a batch.
        sampler: of a training, which drops what is left over of an epoch; otherwise all samples come in their order.
    """
    return DataLoader(data, batch_size, sampler=sampler, collate_fn=_as_is, drop_last=sampler is not None)


def pixels(images: Tensor) -> Tensor:
    """Return float32 pixels in [-1, 1] of uint8 ones, in any shape."""
    return images.float().div_(127.5).sub_(1)


def _as_is(batch: Any) -> Any:
    """Return what ``__getitems__`` made: it is a batch already."""
    return batch
