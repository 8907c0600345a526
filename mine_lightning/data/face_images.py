"""CelebA in its official layout, whole or in part: which images are there, their splits, their attributes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mine_lightning.claim import claim
from mine_lightning.data.digit_images import DATA_VARIABLE, cache_folder
from mine_lightning.errors import InputError, expanded

__all__ = ["SIDE", "FaceImages", "UnreadableImageError", "decode", "load_face_images"]

SIDE = 64  # pixels, of a decoded image
_CROP = 148 / 178  # of the width: the central square without most of the background, as usual for CelebA
_WHOLE = 202_599
_IMAGES, _ATTRIBUTES, _PARTITION = "img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"
_SPLITS = ("train", "validation", "test")


class UnreadableImageError(InputError):
    """An image that can't be decoded; stays one sentence where a loader's worker passes it on with a traceback."""

    def __init__(self, message: str) -> None:
        super().__init__(message.rpartition("UnreadableImageError: ")[2].strip())


def decode(path: Path, side: int = SIDE) -> Tensor:
    """Return the central square of an image, resized, ``[3, side, side]`` uint8.

    The square's side is 148 pixels of CelebA's 178, or as much of the width of a smaller copy.

    Raises:
        UnreadableImageError: if the file is no image, or cut off.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except (OSError, SyntaxError) as error:  # Pillow's word for some broken files is SyntaxError
        reason = " ".join(str(error).split())
        raise UnreadableImageError(
            f"Expected a whole image in {path} but it can't be decoded ({reason}); replace the file or delete it."
        ) from error
    square = min(_CROP * image.width, image.height)
    left, top = (image.width - square) / 2, (image.height - square) / 2
    box = (left, top, left + square, top + square)
    pixels = np.array(image.resize((side, side), Image.Resampling.BILINEAR, box=box))
    return torch.from_numpy(pixels).permute(2, 0, 1)


@dataclass(frozen=True)
class FaceImages:
    """The images of a folder.

    Attributes:
        folder: that holds ``img_align_celeba/``.
        files: names of the images, sorted.
        splits: of each image, ``[n]`` long: 0 for training, 1 for validation, 2 for the test.
    """

    folder: Path
    files: tuple[str, ...]
    splits: Tensor

    @property
    def name(self) -> str:
        """``celeba`` for all 202,599 images, else with their number: ``celeba-10000``."""
        return "celeba" if len(self.files) == _WHOLE else f"celeba-{len(self.files)}"

    def path(self, index: int) -> Path:
        """Return where an image lies."""
        return self.folder / _IMAGES / self.files[index]

    def of(self, split: int) -> Tensor:
        """Return the indices of a split's images, ``[m]`` long.

        Raises:
            InputError: if there is none.
        """
        found = (self.splits == split).nonzero()[:, 0]
        if not len(found) and not (self.folder / _PARTITION).is_file():
            raise InputError(
                f"Expected images of every split but of the {len(self.files):,} in {self.folder}, every tenth for the "
                f"test, none is left for {_SPLITS[split]}; add images, ten at the least."
            )
        if not len(found):
            raise InputError(
                f"Expected images of every split but {_PARTITION} puts none of the {len(self.files):,} in "
                f"{self.folder} into {_SPLITS[split]}; remove that file to have every tenth for the test, or add "
                "images."
            )
        return found

    @cached_property
    def attributes(self) -> tuple[Tensor, Tensor]:
        """The indices ``[m]`` of images whose attributes are listed, and these, ``[m, 40]`` bool.

        Raises:
            InputError: if the list is missing or damaged, or names none of the images.
        """
        path = self.folder / _ATTRIBUTES
        lines = _lines(path, "whose attributes a judge is trained on")
        names = lines[1].split() if len(lines) > 1 else []
        listed: dict[str, list[bool]] = {}
        for number, line in enumerate(lines[2:], 3):
            file, *values = line.split() or [""]
            if file and (len(values) != len(names) or not set(values) <= {"1", "-1"}):
                raise InputError(
                    f"Expected a file's name and {len(names)} times 1 or -1 in line {number} of {path} but got "
                    f"{line[:60]!r}; replace the file with CelebA's own."
                )
            listed[file] = [value == "1" for value in values]
        found = [index for index, file in enumerate(self.files) if file in listed]
        if not found:
            raise InputError(
                f"Expected attributes of images in {self.folder} but {path} lists none of these {len(self.files):,}; "
                "replace it with the list that belongs to them."
            )
        return torch.tensor(found), torch.tensor([listed[self.files[index]] for index in found])

    def labelled(self, split: int, at_most: int) -> tuple[Tensor, Tensor]:
        """Return indices ``[m]`` and attributes ``[m, 40]``, bool, of a split's first images that have some.

        Raises:
            InputError: if no image of the split has any.
        """
        found, attributes = self.attributes
        mine = self.splits[found] == split
        if not mine.any():
            raise InputError(
                f"Expected attributes of images for {_SPLITS[split]} but {self.folder / _ATTRIBUTES} has none; "
                "replace it with the list that belongs to these images."
            )
        return found[mine][:at_most], attributes[mine][:at_most]

    def images(self, indices: Tensor, workers: int = 0) -> Tensor:
        """Return decoded images ``[m, 3, 64, 64]``, uint8, by that many worker processes, 0 for this one."""
        loader = DataLoader(Decoding(self, indices), 64, num_workers=workers)
        return torch.cat(list(loader))

    def fingerprint(self) -> str:
        """Return a name for these files: their names and sizes, and the list of attributes."""
        content = hashlib.sha256()
        for index, file in enumerate(self.files):
            content.update(f"{file} {self.path(index).stat().st_size}\n".encode())
        attributes = self.folder / _ATTRIBUTES
        content.update(attributes.read_bytes() if attributes.is_file() else b"")
        return content.hexdigest()[:12]


class Decoding(Dataset[Tensor]):
    """Images that are decoded as they are asked for, ``[3, 64, 64]`` uint8.

    Args:
        faces: the folder.
        indices: of the images, in it.
    """

    def __init__(self, faces: FaceImages, indices: Tensor) -> None:
        self.faces = faces
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Tensor:
        return decode(self.faces.path(int(self.indices[index])))


def load_face_images(root: str | Path | None = None) -> FaceImages:
    """Return CelebA, or the part of it that is there.

    Splits are those of ``list_eval_partition.txt``, where it is there; else every tenth image is for the test and the
    one before it for validation, so that a part has all three.

    Args:
        root: folder that holds ``img_align_celeba/`` and its lists, or ``celeba/`` with them, as torchvision lays it
            out. By default the environment variable ``MINE_LIGHTNING_DATA``, and where that is not set a cache folder
            into which torchvision downloads (1.4 GB, and gdown must be installed).

    Raises:
        InputError: if a folder was named and has no images, or a damaged list; if the download fails.
    """
    named = root or os.environ.get(DATA_VARIABLE)
    folder = _find_folder(expanded(named)) if named else None
    if named and folder is None:
        asked = "data.root" if root else DATA_VARIABLE
        raise InputError(
            f"Expected CelebA in {named} or {named}/celeba, the folder that {asked} names, but there is no "
            f"{_IMAGES}/ in either; correct it, or leave it out to download CelebA."
        )
    if folder is None:
        cache = cache_folder() / "data"
        folder = _find_folder(cache) or _find_folder(_download(cache))
    assert folder is not None
    files = tuple(sorted(entry.name for entry in os.scandir(folder / _IMAGES) if entry.name.endswith(".jpg")))
    if not files:
        raise InputError(
            f"Expected images such as 000001.jpg in {folder / _IMAGES} but it has none; unpack {_IMAGES}.zip there."
        )
    return FaceImages(folder, files, _splits(folder, files))


def _find_folder(root: Path) -> Path | None:
    return next((folder for folder in (root, root / "celeba") if (folder / _IMAGES).is_dir()), None)


def _download(cache: Path) -> Path:
    """Let torchvision download CelebA and return where it is.

    One process does it for all that start at once, beside its place: what stands there is whole. What was downloaded
    before a kill is not downloaded again.

    Raises:
        InputError: if it can't.
    """
    from torchvision.datasets import CelebA as TorchvisionCelebA  # heavy: only where it is needed

    part = cache / "celeba.part"
    try:
        with claim(cache / ".celeba.lock", "the download of CelebA", wait=True):
            if _find_folder(cache) is not None:
                return cache
            TorchvisionCelebA(str(part), download=True)
            shutil.rmtree(cache / "celeba", ignore_errors=True)
            (part / "celeba").replace(cache / "celeba")
            part.rmdir()
    except Exception as error:  # torchvision, gdown and Google Drive fail in many ways
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"Expected CelebA but neither data.root nor {DATA_VARIABLE} names a folder and torchvision can't download "
            f"it ({reason}); name a folder that holds {_IMAGES}/."
        ) from error
    return cache


def _splits(folder: Path, files: Sequence[str]) -> Tensor:
    path = folder / _PARTITION
    if not path.is_file():
        return torch.tensor([{8: 1, 9: 2}.get(place % 10, 0) for place in range(len(files))])
    listed = dict(words for line in _lines(path, "") if len(words := line.split()) == 2)
    wrong = next((file for file in files if listed.get(file) not in ("0", "1", "2")), None)
    if wrong is not None:
        raise InputError(
            f"Expected every image with 0, 1 or 2 in {path} but {wrong} has {listed.get(wrong, 'none')}; replace the "
            "file with CelebA's own, or remove it."
        )
    return torch.tensor([int(listed[file]) for file in files])


def _lines(path: Path, purpose: str) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = "there is none" if isinstance(error, FileNotFoundError) else f"it can't be read ({error})"
        raise InputError(f"Expected CelebA's {path}, {purpose}, but {reason}; put it there.") from error
