"""Permutation-invariant MNIST: each digit a vector of 784 numbers, for networks that know nothing of images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mine_lightning.data.batches import EpochSampler, loader, pixels
from mine_lightning.data.digit_images import DigitImages, load_digit_images
from mine_lightning.errors import InputError

__all__ = ["FlatDigits", "FlatMNIST"]

Batch = tuple[Tensor, Tensor]


class FlatDigits(Dataset[Batch]):
    """Digits as vectors, with their labels.

    Args:
        images: ``[n, 28, 28]`` uint8.
        labels: ``[n]`` long.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images.flatten(1)
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Batch:
        """Return one digit ``[784]``, float32 in [-1, 1], and its label."""
        x, labels = self.__getitems__([index])
        return x[0], labels[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return a batch, x ``[n, 784]`` and labels ``[n]``, cut out at once: collating single digits costs a step."""
        chosen = torch.as_tensor(indices)
        return pixels(self.images[chosen]), self.labels[chosen]


class FlatMNIST(LightningDataModule):
    """Permutation-invariant MNIST; batches are x ``[n, 784]`` with pixels in [-1, 1] and labels ``[n]``.

    Training takes the training digits in an order that depends on (seed, epoch), the test all test digits. Choices are
    made on training digits that are held out; a run with ``held_out=0`` has no validation, since there is nothing to
    choose any more.

    Args:
        root: folder that holds MNIST; see :func:`mine_lightning.data.digit_images.load_digit_images`.
        allow_bundled: whether scikit-learn's digits may stand in where MNIST can't be had.
        held_out: the last so many training digits are for validation and not trained on; 0 trains on all.
        train_size: train on the first so many of the rest; on all by default.
        eval_size: validate and test on the first so many at most; on all by default.
        batch_size: digits of a training batch; what is left over of an epoch is dropped.
        eval_batch_size: digits of a validation or test batch.
        seed: of the order.

    Raises:
        InputError: if a size is below 1, held_out below 0, or fewer digits than a batch are left to train on.
    """

    def __init__(
        self,
        root: str | None = None,
        allow_bundled: bool = True,
        held_out: int = 0,
        train_size: int | None = None,
        eval_size: int | None = None,
        batch_size: int = 100,
        eval_batch_size: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        sizes = [size for size in (train_size, eval_size, batch_size, eval_batch_size) if size is not None]
        if min(sizes) < 1 or held_out < 0:
            raise InputError(
                "Expected train_size, eval_size, batch_size and eval_batch_size of at least 1 and held_out of at least "
                f"0 but got {train_size}, {eval_size}, {batch_size}, {eval_batch_size} and {held_out}; correct them."
            )
        self.root = root
        self.allow_bundled = allow_bundled
        self.held_out = held_out
        self.train_size = train_size
        self.eval_size = eval_size
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = seed

    @cached_property
    def digits(self) -> DigitImages:
        """The digits; ``digits.name`` says which data set they are."""
        return load_digit_images(self.root, self.allow_bundled)

    @property
    def dataset_name(self) -> str:
        """The name of the data set that is really used, for results."""
        return self.digits.name

    def train_dataloader(self) -> DataLoader[Batch]:
        digits, kept = self.digits, slice(max(0, self._rest))
        data = FlatDigits(digits.train_images[kept][: self.train_size], digits.train_labels[kept][: self.train_size])
        if len(data) < self.batch_size:
            raise InputError(
                f"Expected a batch of {self.batch_size} digits to train on but there are {len(data)}: {digits.name} "
                f"has {len(digits.train_labels)}, of which {self.held_out} are held out; lower held_out or batch_size."
            )
        return loader(data, self.batch_size, EpochSampler(len(data), self.seed))

    def val_dataloader(self) -> DataLoader[Batch] | list[Any]:
        if self.held_out == 0:
            return []
        kept = slice(max(0, self._rest), None)
        return self._eval_loader(self.digits.train_images[kept], self.digits.train_labels[kept])

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._eval_loader(self.digits.test_images, self.digits.test_labels)

    @property
    def _rest(self) -> int:
        return len(self.digits.train_labels) - self.held_out

    def _eval_loader(self, images: Tensor, labels: Tensor) -> DataLoader[Batch]:
        data = FlatDigits(images[: self.eval_size], labels[: self.eval_size])
        return loader(data, self.eval_batch_size)
