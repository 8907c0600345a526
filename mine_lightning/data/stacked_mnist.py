"""Stacked MNIST: three random digits as the three channels of one image, 1000 modes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mine_lightning.data.batches import EpochSampler, loader, pixels
from mine_lightning.data.digit_images import DigitImages, load_digit_images

__all__ = ["StackedDigits", "StackedMNIST"]


class StackedDigits(Dataset[Tensor]):
    """Stacked images, put together from single digits as they are asked for.

    Args:
        images: single digits ``[m, 28, 28]`` uint8.
        size: number of stacked images; each is a fixed triple, drawn with replacement.
        seed: of the triples.
    """

    def __init__(self, images: Tensor, size: int, seed: int) -> None:
        self.images = images
        self.triples = torch.randint(len(images), (size, 3), generator=torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.triples)

    def __getitem__(self, index: int) -> Tensor:
        """Return one image ``[3, 28, 28]``, float32 in [-1, 1]."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> Tensor:
        """Return a batch ``[n, 3, 28, 28]`` at once: a loader that collates single images costs as much as the GAN."""
        return pixels(self.images[self.triples[torch.as_tensor(indices)]])


class StackedMNIST(LightningDataModule):
    """Stacked MNIST, made on the fly; batches are images ``[n, 3, 28, 28]`` with pixels in [-1, 1].

    Training images are stacked from the training digits, validation and test images from the test digits. The number
    of validation or test images is the number of samples that a GAN is scored on.

    Source of the protocol: Srivastava et al., VEEGAN, NeurIPS 2017; Lin et al., PacGAN, NeurIPS 2018 (128,000 training
    images, 26,000 samples).

    Args:
        root: folder that holds MNIST; see :func:`mine_lightning.data.digit_images.load_digit_images`.
        allow_bundled: whether scikit-learn's digits may stand in where MNIST can't be had.
        train_size: number of stacked training images.
        eval_size: number of samples for validation and for the test.
        batch_size: images of a training batch.
        eval_batch_size: images of a validation or test batch.
        seed: of the triples and of the order.
    """

    def __init__(
        self,
        root: str | None = None,
        allow_bundled: bool = True,
        train_size: int = 128_000,
        eval_size: int = 26_000,
        batch_size: int = 128,
        eval_batch_size: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 1 <= batch_size <= train_size or eval_size < 1 or eval_batch_size < 1 or not 0 <= seed < 2**32:
            raise ValueError(
                "Expected 1 <= batch_size <= train_size, eval_size and eval_batch_size of at least 1 and a 32-bit seed "
                f"but got {batch_size}, {train_size}, {eval_size}, {eval_batch_size} and {seed}."
            )
        self.root = root
        self.allow_bundled = allow_bundled
        self.train_size = train_size
        self.eval_size = eval_size
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = seed

    @cached_property
    def digits(self) -> DigitImages:
        """The single digits that images are stacked from; ``digits.name`` says which data set they are."""
        return load_digit_images(self.root, self.allow_bundled)

    @property
    def dataset_name(self) -> str:
        """The name of the data set that is really used, for results."""
        return self.digits.name

    def train_dataloader(self) -> DataLoader[Tensor]:
        data = StackedDigits(self.digits.train_images, self.train_size, self.seed)
        return loader(data, self.batch_size, EpochSampler(len(data), self.seed))

    def val_dataloader(self) -> DataLoader[Tensor]:
        return self._eval_loader(self.seed + 1)

    def test_dataloader(self) -> DataLoader[Tensor]:
        return self._eval_loader(self.seed + 2)

    def _eval_loader(self, seed: int) -> DataLoader[Tensor]:
        data = StackedDigits(self.digits.test_images, self.eval_size, seed)
        return loader(data, self.eval_batch_size)
