"""How well a host with an encoder brings an image back: error, labels that are kept, similarity."""

from __future__ import annotations

from typing import Any, Protocol, final

from pytorch_lightning import LightningModule, Trainer
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.evaluation import Evaluation
from mine_lightning.evaluations.scoring import log_scores, trained_by_one
from mine_lightning.judges.attributes import AttributeJudge
from mine_lightning.judges.digits import DigitJudge
from mine_lightning.metrics.label_agreement import LabelAgreement
from mine_lightning.metrics.pair_similarity import PairSimilarity
from mine_lightning.metrics.reconstruction_error import ReconstructionError

__all__ = ["Reconstruction"]


class _Judge(Protocol):
    accuracy: float

    def read(self, images: Tensor) -> Tensor: ...


@final
class Reconstruction(Evaluation):
    """Log ``recon_error``, ``recon_accuracy`` and ``ms_ssim`` of images and their reconstructions.

    Reads ``outputs["x"]`` and ``outputs["reconstruction"]`` of the host's ``validation_step`` and ``test_step``, images
    ``[n, c, h, w]`` with pixels in [-1, 1].

    * ``recon_error``: mean Euclidean distance of an image and its reconstruction.
    * ``recon_accuracy``: share of labels that a trained judge reads off the reconstruction as off the image: the digit,
      where the datamodule has ``digits``, or each of the attributes, where it has ``faces``. Of a reconstruction that
      is not finite none is kept.
    * ``ms_ssim``: mean MS-SSIM of an image and its reconstruction, with as many scales as the size allows.

    Source: Belghazi et al., ICML 2018, table 2.

    Raises:
        InputError: where the datamodule has nothing to train a judge on, or the host returns no reconstruction.
    """

    def __init__(self) -> None:
        super().__init__()
        self._judge: _Judge | None = None
        self._scores: MetricCollection | None = None

    @property
    def judge_accuracy(self) -> float | None:
        """The judge's own accuracy on test images, or None before it was needed."""
        return None if self._judge is None else self._judge.accuracy

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        metrics: dict[str, Metric | MetricCollection] = {
            "recon_error": ReconstructionError(),
            "recon_accuracy": LabelAgreement(),
            "ms_ssim": PairSimilarity(),
        }
        # compute groups, found out in the first update, would share a state that reset() parts
        self._scores = MetricCollection(metrics, compute_groups=False)
        if self._judge is None:
            self._judge = trained_by_one(trainer, lambda: _judge_for(getattr(trainer, "datamodule", None)))

    def begin(self, host: LightningModule, prefix: str) -> None:
        self._on(host).reset()

    def end(self, host: LightningModule, prefix: str) -> None:
        log_scores(host, prefix, self._on(host), prog_bar=prefix == "val/")

    def take(self, host: LightningModule, outputs: Any, batch: Any, prefix: str) -> None:
        if not isinstance(outputs, dict) or not {"x", "reconstruction"} <= set(outputs):
            raise InputError(
                f"Expected {type(host).__name__} to return {{'x': images, 'reconstruction': images}} from its "
                f"validation and test step but got {_described(outputs)}; return them, or take Reconstruction off."
            )
        assert self._judge is not None
        x, reconstruction = outputs["x"], outputs["reconstruction"]
        # each metric takes of these what its update names
        self._on(host).update(
            x=x,
            reconstruction=reconstruction,
            labels=self._judge.read(x),
            of_reconstruction=_read(self._judge, reconstruction),
        )

    def _on(self, host: LightningModule) -> MetricCollection:
        assert self._scores is not None
        return self._scores.to(host.device)


def _read(judge: _Judge, images: Tensor) -> Tensor:
    """Return the labels of images, and -1 for each of one that is not finite: a judge would see labels there too."""
    labels = judge.read(images).long()
    labels[~images.flatten(1).isfinite().all(dim=1)] = -1
    return labels


def _judge_for(data: Any) -> _Judge:
    """Return the judge of a datamodule's images."""
    if (digits := getattr(data, "digits", None)) is not None:
        return DigitJudge.trained_on(digits)
    if (faces := getattr(data, "faces", None)) is not None:
        return AttributeJudge.trained_on(faces)
    raise InputError(
        "Expected a datamodule with digits or faces for Reconstruction to train its judge on but there is none; use "
        "mine_lightning.MNISTDigits or mine_lightning.CelebA, or take the callback off."
    )


def _described(outputs: Any) -> str:
    return f"a dict of {', '.join(map(str, outputs))}" if isinstance(outputs, dict) else type(outputs).__name__
