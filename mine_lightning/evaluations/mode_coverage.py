"""Mode coverage of a generator on stacked MNIST, beside what a perfect generator scores."""

from __future__ import annotations

from typing import final

from pytorch_lightning import LightningModule, Trainer
from torch import Tensor
from torchmetrics import MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.scoring import Scoring, trained_by_one
from mine_lightning.judges.digits import DigitJudge, stacked_modes
from mine_lightning.metrics.modes import ModeCount, ModeKL

__all__ = ["ModeCoverage"]


@final
class ModeCoverage(Scoring):
    """Log ``modes`` (of 1000) and ``kl`` (nats, generated to uniform) of generated stacked digits.

    Reads ``outputs["samples"]`` of the host's ``validation_step`` and ``test_step``. In the test it scores the batch
    itself as well, as ``floor_modes`` and ``floor_kl``: independent triples of real digits are what a perfect generator
    makes, judged by the same judge on the same number of samples. A sample that is not finite counts for no mode: where
    none is, ``modes`` is 0 and ``kl`` NaN.

    Raises:
        InputError: where the datamodule has no digits to train a judge on, or the host returns no samples.
    """

    def __init__(self) -> None:
        super().__init__()
        self._judge: DigitJudge | None = None

    @property
    def judge_accuracy(self) -> float | None:
        """The judge's own accuracy on the test digits, or None before it was needed."""
        return None if self._judge is None else self._judge.accuracy

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.score_with(MetricCollection({"modes": ModeCount(), "kl": ModeKL()}), pl_module)
        if self._judge is not None:
            return
        digits = getattr(getattr(trainer, "datamodule", None), "digits", None)
        if digits is None:
            raise InputError(
                "Expected a datamodule with digits for ModeCoverage to train its judge on but there is none; "
                "use mine_lightning.StackedMNIST, or take the callback off."
            )
        self._judge = trained_by_one(trainer, lambda: DigitJudge.trained_on(digits))

    def read(self, samples: Tensor) -> Tensor:
        assert self._judge is not None
        finite = samples.unsqueeze(-1).flatten(1).isfinite().all(dim=1)  # of NaN a judge would read digits too
        return stacked_modes(self._judge, samples[finite])
