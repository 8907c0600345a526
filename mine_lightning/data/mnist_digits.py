"""MNIST as it is: one grey digit an image, 28x28 pixels in [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mine_lightning.data.batches import EpochSampler, loader, pixels
from mine_lightning.data.digit_images import DigitImages, load_digit_images
from mine_lightning.errors import InputError

__all__ = ["MNISTDigits"]


class MNISTDigits(LightningDataModule):
    """Single digits, without their labels; batches are images ``[n, 1, 28, 28]`` with pixels in [-1, 1].

    The last training digits are held out of the training, for validation: what is tuned is tuned on them. The test
    digits serve the test alone. Each epoch sees the training digits in an order that (seed, epoch) sets.

    Args:
        root: folder that holds MNIST; see :func:`mine_lightning.data.digit_images.load_digit_images`.
        allow_bundled: whether scikit-learn's digits may stand in where MNIST can't be had.
        held_out: share of the training digits that is held out for validation.
        passes: over the training images in one epoch, the interval between evaluations and checkpoints.
        train_size: number of training digits at most; None for all that are not held out.
        eval_size: number of digits of the validation, and of the test, at most; None for all.
        batch_size: images of a training batch.
        eval_batch_size: images of a validation or test batch.
        seed: of the order.

    Raises:
        InputError: if a size is below 1 or ``held_out`` not between 0 and 1; where loaders are made, if a batch is
            larger than the training digits.
    """

    def __init__(
        self,
        root: str | None = None,
        allow_bundled: bool = True,
        held_out: float = 0.1,
        passes: int = 1,
        train_size: int | None = None,
        eval_size: int | None = None,
        batch_size: int = 100,
        eval_batch_size: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        sizes = (train_size, eval_size, batch_size, eval_batch_size, passes)
        if any(size is not None and size < 1 for size in sizes) or not 0 < held_out < 1:
            raise InputError(
                "Expected sizes and passes of at least 1 and held_out between 0 and 1 but got train_size, eval_size, "
                f"batch_size, eval_batch_size, passes and held_out of {', '.join(map(str, sizes))} and {held_out}; "
                "correct them."
            )
        self.root = root
        self.allow_bundled = allow_bundled
        self.held_out = held_out
        self.passes = passes
        self.train_size = train_size
        self.eval_size = eval_size
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = seed

    @cached_property
    def digits(self) -> DigitImages:
        """The digits with their labels; ``digits.name`` says which data set they are."""
        return load_digit_images(self.root, self.allow_bundled)

    @property
    def dataset_name(self) -> str:
        """The name of the data set that is really used, for results."""
        return self.digits.name

    def train_dataloader(self) -> DataLoader[Tensor]:
        images = self.digits.train_images[: self._first_held_out][: self.train_size]
        if len(images) < self.batch_size:
            raise InputError(
                f"Expected at least one training batch of {self.batch_size} images but {self.digits.name} has "
                f"{len(images):,} for training; lower data.batch_size."
            )
        return loader(_Grey(images), self.batch_size, EpochSampler(len(images), self.seed, self.passes))

    def val_dataloader(self) -> DataLoader[Tensor]:
        return self._eval_loader(self.digits.train_images[self._first_held_out :])

    def test_dataloader(self) -> DataLoader[Tensor]:
        return self._eval_loader(self.digits.test_images)

    @property
    def _first_held_out(self) -> int:
        return len(self.digits.train_images) - max(1, round(self.held_out * len(self.digits.train_images)))

    def _eval_loader(self, images: Tensor) -> DataLoader[Tensor]:
        return loader(_Grey(images[: self.eval_size]), self.eval_batch_size)


class _Grey(Dataset[Tensor]):
    """Grey images ``[n, h, w]`` uint8 that a loader takes a batch of at once, ``[n, 1, h, w]`` in [-1, 1]."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> Tensor:
        return pixels(self.images[torch.as_tensor(indices), None])
