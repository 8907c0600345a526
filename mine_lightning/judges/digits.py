"""The one judge of digits: on a machine every system is scored by the same classifier, on all by one recipe."""

from __future__ import annotations

from pathlib import Path

import torch
from pytorch_lightning.utilities.rank_zero import rank_zero_info, rank_zero_warn
from torch import Tensor
from torch.nn import functional as F

from mine_lightning.data.batches import pixels
from mine_lightning.data.digit_images import MNIST, DigitImages, cache_folder
from mine_lightning.errors import InputError
from mine_lightning.judges.cache import load, save
from mine_lightning.networks.classifiers import DigitClassifier

__all__ = ["DigitJudge", "stacked_modes"]

# bump when the training below changes: cached judges of older versions are then trained anew
_VERSION = 1
_REQUIRED_ACCURACY = {MNIST: 0.99}


class DigitJudge:
    """Labels grey digits by a small classifier; no ``nn.Module``, so that no host can register it.

    Attributes:
        accuracy: share of the data set's test digits that it labels right.

    Args:
        classifier: the trained network.
        accuracy: its own test accuracy.
    """

    def __init__(self, classifier: DigitClassifier, accuracy: float) -> None:
        self._classifier = classifier.eval().requires_grad_(False)
        self.accuracy = accuracy

    @classmethod
    def trained_on(cls, digits: DigitImages, folder: Path | None = None) -> DigitJudge:
        """Return the judge for a data set, from the cache or, the first time, trained (about 20 s on two cores).

        The global random state does not move. Warns where MNIST's judge is below 99% on the test digits.

        Args:
            digits: the data set; its training digits train the judge, its test digits check it.
            folder: the cache; by default that of :func:`mine_lightning.data.digit_images.cache_folder`.
        """
        with torch.random.fork_rng(devices=[]):  # to build the network draws its first weights
            return cls._trained_on(digits, folder)

    @classmethod
    def _trained_on(cls, digits: DigitImages, folder: Path | None) -> DigitJudge:
        path = (folder or cache_folder() / "judges") / f"{digits.name}-{_fingerprint(digits)}.pt"
        saved = load(path)
        if saved is None:
            rank_zero_info(f"Training the judge of {digits.name}, once; it is kept in {path}.")
            classifier = _train(digits)
            saved = {"classifier": classifier.state_dict(), "accuracy": _accuracy(classifier, digits)}
            save(saved, path)
        classifier = DigitClassifier()
        classifier.load_state_dict(saved["classifier"])
        judge = cls(classifier, saved["accuracy"])
        rank_zero_info(
            f"Judge of {digits.name}: {judge.accuracy:.2%} of {len(digits.test_labels):,} test digits right."
        )
        required = _REQUIRED_ACCURACY.get(digits.name, 0.0)
        if judge.accuracy < required:
            rank_zero_warn(
                f"Expected the judge to label {required:.0%} of the test digits right but it labels "
                f"{judge.accuracy:.2%}: modes are over-counted. Delete {path} to train it again."
            )
        return judge

    @torch.no_grad()
    def label(self, images: Tensor) -> Tensor:
        """Return the digit ``[n]``, long, of each grey image ``[n, 28, 28]`` with pixels in [-1, 1]."""
        classifier = self._classifier.to(images.device)
        with torch.autocast(images.device.type, enabled=False):
            return torch.cat([classifier(part[:, None].float()).argmax(dim=1) for part in images.split(3000)])

    def read(self, images: Tensor) -> Tensor:
        """Return the digit of each channel ``[n, c]``, long, of images ``[n, c, 28, 28]`` with pixels in [-1, 1].

        Raises:
            InputError: for images of another size.
        """
        if images.ndim != 4 or images.shape[2:] != (28, 28):
            raise InputError(
                f"Expected images [n, c, 28, 28] for the judge of digits but got shape {list(images.shape)}; "
                "give the host networks for 28x28 images."
            )
        return self.label(images.flatten(0, 1)).view(images.shape[:2])


def stacked_modes(judge: DigitJudge, images: Tensor) -> Tensor:
    """Return the mode ``[n]`` of stacked digits ``[n, 3, 28, 28]``: their three labels read as one number, 0 to 999.

    Raises:
        InputError: for images of another number of channels, or of another size.
    """
    digits = judge.read(images)
    if digits.shape[1] != 3:
        raise InputError(
            f"Expected images of 3 channels, a digit on each, but got {digits.shape[1]}; give the host networks for 3 "
            "channels, or take ModeCoverage off."
        )
    return (digits * digits.new_tensor([100, 10, 1])).sum(-1)  # no product of whole numbers on a GPU


def _train(digits: DigitImages, batches: int | None = None, batch_size: int = 128) -> DigitClassifier:
    """Train on digits shifted by up to two pixels, with one cycle of the learning rate.

    By default five passes, and at least 600 batches for a small data set.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # and no GPU's, which the fork above would not give back
        classifier = DigitClassifier()
        batch_size = min(batch_size, len(digits.train_labels))
        a_pass = len(digits.train_labels) // batch_size
        batches = max(5 * a_pass, 600) if batches is None else batches
        optimizer = torch.optim.AdamW(classifier.parameters(), lr=4e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=batches)
        order: list[Tensor] = []
        for _ in range(batches):
            order = order or list(torch.randperm(len(digits.train_labels)).split(batch_size)[:a_pass])
            batch, shift = order.pop(), torch.randint(-2, 3, (2,)).tolist()
            images = torch.roll(_pixels(digits.train_images[batch]), shift, dims=(2, 3))
            loss = F.cross_entropy(classifier(images), digits.train_labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return classifier.eval()


@torch.no_grad()
def _accuracy(classifier: DigitClassifier, digits: DigitImages) -> float:
    found = torch.cat([classifier(_pixels(part)).argmax(dim=1) for part in digits.test_images.split(1000)])
    return (found == digits.test_labels).double().mean().item()


def _pixels(images: Tensor) -> Tensor:
    """Return ``[n, 1, 28, 28]`` in [-1, 1] of uint8 images ``[n, 28, 28]``."""
    return pixels(images[:, None])


def _fingerprint(digits: DigitImages) -> str:
    """Return a name for (this training, these digits): another data set under the same name gets its own judge."""
    return digits.content(f"{_VERSION}")[:12]
