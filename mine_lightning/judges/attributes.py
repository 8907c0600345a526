"""The one judge of faces: it reads binary attributes, such as glasses or a smile, off an image."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from pytorch_lightning.utilities.rank_zero import rank_zero_info, rank_zero_warn
from torch import Tensor
from torch.nn import functional as F

from mine_lightning.data.batches import pixels
from mine_lightning.data.digit_images import cache_folder
from mine_lightning.data.face_images import SIDE, FaceImages
from mine_lightning.errors import InputError
from mine_lightning.judges.cache import load, save
from mine_lightning.networks.classifiers import AttributeClassifier

__all__ = ["AttributeJudge"]

# bump when the training below changes: cached judges of older versions are then trained anew
_VERSION = 1
_TRAIN_AT_MOST, _TEST_AT_MOST = 20_000, 5_000


class AttributeJudge:
    """Reads attributes off faces by a small classifier; no ``nn.Module``, so that no host can register it.

    Attributes:
        accuracy: mean share of test images whose attribute it reads right.
        majority: the same of answering for every image what most training images have.

    Args:
        classifier: the trained network.
        accuracy: its own test accuracy.
        majority: that of the majority's answers.
    """

    def __init__(self, classifier: AttributeClassifier, accuracy: float, majority: float) -> None:
        self._classifier = classifier.eval().requires_grad_(False)
        self.accuracy = accuracy
        self.majority = majority

    @classmethod
    def trained_on(cls, faces: FaceImages, folder: Path | None = None) -> AttributeJudge:
        """Return the judge for these images, from the cache or, the first time, trained.

        It is trained on training images with attributes, 20,000 at most, and checked on test images with attributes,
        5,000 at most. The global random state does not move. Warns where it reads no better than the majority.

        Args:
            faces: the images.
            folder: the cache; by default that of :func:`mine_lightning.data.digit_images.cache_folder`.

        Raises:
            InputError: if the list of attributes is missing, damaged, or names no image of one of the two splits.
        """
        with torch.random.fork_rng(devices=[]):  # to build the network draws its first weights, and so does a loader
            return cls._trained_on(faces, folder)

    @classmethod
    def _trained_on(cls, faces: FaceImages, folder: Path | None) -> AttributeJudge:
        name = hashlib.sha256(f"{_VERSION} {faces.fingerprint()} {faces.splits.tolist()}".encode()).hexdigest()[:12]
        path = (folder or cache_folder() / "judges") / f"{faces.name}-{name}.pt"
        saved = load(path)
        if saved is None:
            train, test = faces.labelled(0, _TRAIN_AT_MOST), faces.labelled(2, _TEST_AT_MOST)
            rank_zero_info(
                f"Training the judge of {faces.name} on {len(train[0]):,} images with attributes, once; it is kept in "
                f"{path}."
            )
            classifier = _train(_pixels(faces.images(train[0])), train[1])
            truth = test[1]
            found = _read(classifier, _pixels(faces.images(test[0])))
            saved = {
                "classifier": classifier.state_dict(),
                "attributes": truth.shape[1],
                "accuracy": (found == truth).double().mean().item(),
                "majority": ((train[1].double().mean(dim=0) > 0.5) == truth).double().mean().item(),
                "tested": len(truth),
            }
            save(saved, path)
        classifier = AttributeClassifier(saved["attributes"])
        classifier.load_state_dict(saved["classifier"])
        judge = cls(classifier, saved["accuracy"], saved["majority"])
        rank_zero_info(
            f"Judge of {faces.name}: {judge.accuracy:.2%} of {saved['attributes']} attributes of {saved['tested']:,} "
            f"test images right (always the majority's: {judge.majority:.2%})."
        )
        if judge.accuracy <= judge.majority:
            rank_zero_warn(
                f"Expected the judge to read attributes better than the majority's {judge.majority:.2%} but it reads "
                f"{judge.accuracy:.2%} right: recon_accuracy says little. Give it more images with attributes."
            )
        return judge

    def read(self, images: Tensor) -> Tensor:
        """Return the attributes ``[n, k]``, bool, of each image ``[n, 3, 64, 64]`` with pixels in [-1, 1].

        Raises:
            InputError: for images of another size.
        """
        if images.ndim != 4 or images.shape[1:] != (3, SIDE, SIDE):
            raise InputError(
                f"Expected images [n, 3, {SIDE}, {SIDE}] for the judge of attributes but got shape "
                f"{list(images.shape)}; give the host networks for such images."
            )
        with torch.autocast(images.device.type, enabled=False):
            return _read(self._classifier.to(images.device), images.float())


def _train(images: Tensor, attributes: Tensor, batches: int | None = None, batch_size: int = 64) -> AttributeClassifier:
    """Train on images mirrored and shifted by up to four pixels, with one cycle of the learning rate.

    By default five passes, and at least 800 batches for a small data set.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # and no GPU's, which the fork above would not give back
        classifier = AttributeClassifier(attributes.shape[1])
        batch_size = min(batch_size, len(images))
        a_pass = len(images) // batch_size
        batches = max(5 * a_pass, 800) if batches is None else batches
        optimizer = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=batches)
        order: list[Tensor] = []
        for _ in range(batches):
            order = order or list(torch.randperm(len(images)).split(batch_size)[:a_pass])
            batch, shift = order.pop(), torch.randint(-4, 5, (2,)).tolist()
            pixels = torch.roll(images[batch], shift, dims=(2, 3))
            pixels = pixels.flip(3) if torch.rand(()) < 0.5 else pixels
            loss = F.binary_cross_entropy_with_logits(classifier(pixels), attributes[batch].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return classifier.eval()


@torch.no_grad()
def _read(classifier: AttributeClassifier, images: Tensor) -> Tensor:
    return torch.cat([classifier(part) > 0 for part in images.split(500)])


def _pixels(images: Tensor) -> Tensor:
    """Return images in [-1, 1] of uint8 ones."""
    return pixels(images)
