"""Handwritten digits: MNIST where it can be had, else the 1,797 digits that scikit-learn ships, and never a mix-up."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pytorch_lightning.utilities.rank_zero import rank_zero_info
from torch import Tensor
from torch.nn import functional as F

from mine_lightning.claim import claim
from mine_lightning.data.idx import read_idx
from mine_lightning.errors import InputError, expanded

__all__ = ["BUNDLED", "DATA_VARIABLE", "MNIST", "DigitImages", "cache_folder", "load_digit_images"]

MNIST = "mnist"
BUNDLED = "sklearn-digits"
DATA_VARIABLE = "MINE_LIGHTNING_DATA"
# of MNIST's four arrays: other data sets come in files of the same names, and parts of MNIST do
_CONTENT = "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b"
_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class DigitImages:
    """Grey digits of 28x28 pixels, uint8 in 0..255, with their labels.

    Attributes:
        name: which data set this really is: ``mnist``, ``sklearn-digits``, or ``mnist-like-`` and what tells others
            apart that come in MNIST's files, such as Fashion-MNIST or a part of MNIST.
        train_images: ``[n, 28, 28]`` uint8.
        train_labels: ``[n]`` long, 0 to 9.
        test_images: ``[m, 28, 28]`` uint8.
        test_labels: ``[m]`` long.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor

    def content(self, salt: str = "") -> str:
        """Return 64 hex digits that stand for a salt and these images and labels, whatever they are called."""
        content = hashlib.sha256(salt.encode())
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            content.update(array.contiguous().numpy().data)
        return content.hexdigest()


def load_digit_images(root: str | Path | None = None, allow_bundled: bool = True) -> DigitImages:
    """Return MNIST from ``root``, else from where it was downloaded, else scikit-learn's digits.

    Args:
        root: folder that holds ``MNIST/raw/`` as torchvision lays it out, or the IDX files themselves. By default the
            environment variable ``MINE_LIGHTNING_DATA``, and where that is not set a cache folder into which
            torchvision downloads.
        allow_bundled: whether scikit-learn's digits may stand in for a download that fails. They never stand in for a
            folder that was named.

    Raises:
        InputError: if a folder was named and MNIST is not there or damaged; if the download fails and
            ``allow_bundled`` is false.
    """
    named = root or os.environ.get(DATA_VARIABLE)
    if named:
        folder = _find_folder(expanded(named))
        if folder is None:
            asked = "data.root" if root else DATA_VARIABLE
            raise InputError(
                f"Expected MNIST's files ({_FILES[0]}, ...) in {named} or {named}/MNIST/raw, the folder that {asked} "
                "names, but they are not there; correct it, or leave it out to download them."
            )
        return _read_mnist(folder)
    cache = cache_folder() / "data"
    folder = _find_folder(cache) or _download(cache)
    if folder is not None:
        return _read_mnist(folder)
    if not allow_bundled:
        raise InputError(
            f"Expected MNIST but it can't be downloaded and neither data.root nor {DATA_VARIABLE} is set; "
            "name a folder that holds it, or set data.allow_bundled to true."
        )
    rank_zero_info(
        f"MNIST can't be had (no network, or no place to keep it, and neither data.root nor {DATA_VARIABLE} names a "
        "folder): "
        f"this run uses the 1,797 digits that scikit-learn ships, and calls its data set {BUNDLED!r}."
    )
    return _bundled()


def cache_folder() -> Path:
    """Return where downloads and trained judges are kept: ``MINE_LIGHTNING_CACHE``, else ~/.cache/mine_lightning."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "mine_lightning"
    return expanded(os.environ.get("MINE_LIGHTNING_CACHE") or default)


def _find_folder(root: Path) -> Path | None:
    for folder in (root, root / "MNIST" / "raw", root / "raw"):
        if all(_file(folder, name) is not None for name in _FILES):
            return folder
    return None


def _file(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _read_mnist(folder: Path) -> DigitImages:
    train_images, train_labels, test_images, test_labels = (
        read_idx(path, axes=3 if "images" in name else 1)
        for name in _FILES
        if (path := _file(folder, name)) is not None
    )
    for images, labels, name in ((train_images, train_labels, _FILES[0]), (test_images, test_labels, _FILES[2])):
        if images.shape[1:] != (28, 28) or len(images) != len(labels):
            raise InputError(
                f"Expected 28x28 images, as many as labels, in {folder / name} but got {list(images.shape)} and "
                f"{len(labels)} labels; replace it with MNIST's own file."
            )
    found = DigitImages(MNIST, train_images, train_labels.long(), test_images, test_labels.long())
    content = found.content()
    return found if content == _CONTENT else replace(found, name=f"mnist-like-{content[:8]}")


def _download(cache: Path) -> Path | None:
    """Let torchvision download MNIST; None where there is no network, or no place to keep it.

    One process does it for all that start at once, beside its place: what stands there is whole.
    """
    from torchvision.datasets import MNIST as TorchvisionMNIST  # heavy: only where it is needed

    part = cache / "mnist.part"
    try:
        with claim(cache / ".mnist.lock", "the download of MNIST", wait=True):
            if (folder := _find_folder(cache)) is not None:
                return folder
            shutil.rmtree(part, ignore_errors=True)  # torchvision takes a file that a kill cut off for a whole one
            try:
                TorchvisionMNIST(str(part), download=True)
                shutil.rmtree(cache / "MNIST", ignore_errors=True)
                (part / "MNIST").replace(cache / "MNIST")
            finally:
                shutil.rmtree(part, ignore_errors=True)  # while nobody else downloads
    except (OSError, RuntimeError, InputError):  # torchvision's own word for "every mirror failed" is RuntimeError
        return None
    return _find_folder(cache)


def _bundled() -> DigitImages:
    """Return scikit-learn's 8x8 digits, resized to 28x28; every fifth is for testing."""
    from sklearn.datasets import load_digits  # heavy: only where it is needed

    digits = load_digits()
    small = torch.from_numpy(digits.images).float()[:, None] / 16
    # 20 pixels and a margin of 4, as MNIST's digits lie
    large = F.pad(F.interpolate(small, size=20, mode="bicubic", align_corners=False), (4, 4, 4, 4))
    images = (large[:, 0].clamp(0, 1) * 255).round().to(torch.uint8)
    labels = torch.from_numpy(digits.target).long()
    test = torch.arange(len(labels)) % 5 == 4
    return DigitImages(BUNDLED, images[~test], labels[~test], images[test], labels[test])
