"""CelebA: aligned faces of 64x64 pixels, from the folder layout of its authors, whole or in part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities.rank_zero import rank_zero_info
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mine_lightning.data.batches import EpochSampler, pixels
from mine_lightning.data.digit_images import cache_folder
from mine_lightning.data.face_images import SIDE, Decoding, FaceImages, load_face_images
from mine_lightning.errors import InputError

__all__ = ["CelebA"]


class CelebA(LightningDataModule):
    """Faces without their attributes; batches are images ``[n, 3, 64, 64]`` with pixels in [-1, 1].

    An image is the central square of 148 of its 178 pixels' width, resized. Splits are CelebA's own, or in a part
    without their list every tenth image for the test and the one before it for validation. Each epoch sees the training
    images in an order that (seed, epoch) sets.

    Images are decoded by worker processes as they are needed, or with ``cache`` all of them once, into one file of
    12 kB an image that is then read from.

    Source of the data: Liu et al., Deep Learning Face Attributes in the Wild, ICCV 2015; for non-commercial research.

    Args:
        root: folder that holds CelebA; see :func:`mine_lightning.data.face_images.load_face_images`.
        cache: whether to keep all decoded images in one file in the cache folder.
        workers: processes that decode, at most as many as there are processors; 0 for none.
        passes: over the training images in one epoch, the interval between evaluations and checkpoints.
        train_size: number of training images at most; None for all.
        eval_size: number of images of the validation, and of the test, at most; None for all.
        batch_size: images of a training batch.
        eval_batch_size: images of a validation or test batch.
        seed: of the order.

    Raises:
        InputError: if a size is below 1; where loaders are made, if a split is smaller than its batch, or images or
            their lists are missing; where batches are, if an image is damaged.
    """

    def __init__(
        self,
        root: str | None = None,
        cache: bool = False,
        workers: int = 2,
        passes: int = 1,
        train_size: int | None = None,
        eval_size: int | None = None,
        batch_size: int = 100,
        eval_batch_size: int = 500,
        seed: int = 0,
    ) -> None:
        super().__init__()
        sizes = (train_size, eval_size, batch_size, eval_batch_size, passes)
        if any(size is not None and size < 1 for size in sizes) or workers < 0:
            raise InputError(
                "Expected sizes and passes of at least 1 and workers >= 0 but got train_size, eval_size, batch_size, "
                f"eval_batch_size, passes and workers of {', '.join(map(str, sizes))} and {workers}; correct them."
            )
        self.root = root
        self.cache = cache
        self.workers = min(workers, _processors())
        self.passes = passes
        self.train_size = train_size
        self.eval_size = eval_size
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = seed

    @cached_property
    def faces(self) -> FaceImages:
        """The images that are there, with their splits and attributes."""
        return load_face_images(self.root)

    @property
    def dataset_name(self) -> str:
        """``celeba``, or of a part ``celeba-`` and the number of images, for results."""
        return self.faces.name

    def prepare_data(self) -> None:
        if self.cache:
            _decoded(self.faces, self.workers)

    def train_dataloader(self) -> DataLoader[Tensor]:
        images = self._images(0, self.train_size)
        if len(images) < self.batch_size:
            raise InputError(
                f"Expected at least one training batch of {self.batch_size} images but {self.faces.folder} has "
                f"{len(images):,} for training; lower data.batch_size."
            )
        return self._loader(images, self.batch_size, EpochSampler(len(images), self.seed, self.passes))

    def val_dataloader(self) -> DataLoader[Tensor]:
        return self._loader(self._images(1, self.eval_size), self.eval_batch_size, None)

    def test_dataloader(self) -> DataLoader[Tensor]:
        return self._loader(self._images(2, self.eval_size), self.eval_batch_size, None)

    def _images(self, split: int, size: int | None) -> Decoding | _Cached:
        indices = self.faces.of(split)[:size]
        return _Cached(_decoded(self.faces, self.workers), indices) if self.cache else Decoding(self.faces, indices)

    def _loader(self, images: Any, batch_size: int, sampler: EpochSampler | None) -> DataLoader[Tensor]:
        workers = 0 if self.cache else self.workers
        return DataLoader(
            images,
            batch_size,
            sampler=sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=_pixels,
            drop_last=sampler is not None,
        )


class _Cached(Dataset[Tensor]):
    """Images ``[3, 64, 64]`` uint8 out of a file that holds all of them."""

    def __init__(self, path: Path, indices: Tensor) -> None:
        self.array = np.load(path, mmap_mode="r")
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Tensor:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> Tensor:
        return torch.from_numpy(self.array[self.indices[torch.as_tensor(indices)].numpy()])


def _pixels(images: Any) -> Tensor:
    """Return a batch ``[n, 3, 64, 64]`` in [-1, 1] of uint8 images, or of what is a batch already."""
    batch = images if isinstance(images, Tensor) else torch.stack(images)
    return pixels(batch)


def _processors() -> int:
    """Return how many processors this process may use; of more workers than that a DataLoader warns."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _decoded(faces: FaceImages, workers: int) -> Path:
    """Return the file with all decoded images, ``[n, 3, 64, 64]`` uint8 in NumPy's format, made where it is missing.

    Raises:
        InputError: if an image is damaged, or the file can't be written.
    """
    path = cache_folder() / "faces" / f"{faces.name}-{SIDE}-{faces.fingerprint()}.npy"
    if path.is_file():
        return path
    rank_zero_info(f"Decoding the {len(faces.files):,} images of {faces.name}, once; they are kept in {path}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # whole or not at all
            unfinished = Path(folder) / path.name
            shape = (len(faces.files), 3, SIDE, SIDE)
            array = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
            every = torch.arange(len(faces.files))
            for number, batch in enumerate(DataLoader(Decoding(faces, every), 64, num_workers=workers)):
                array[64 * number : 64 * number + len(batch)] = batch.numpy()
            array.flush()
            os.replace(unfinished, path)
    except OSError as error:
        raise InputError(
            f"Expected to keep decoded images in {path} but it can't be written ({error}); name another folder in "
            "MINE_LIGHTNING_CACHE, or set data.cache to false."
        ) from error
    return path
