"""Mode coverage of a generator on stacked MNIST, beside what a perfect generator scores."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torchmetrics import MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.outputs import log_scores, samples_of
from mine_lightning.judges.digits import DigitJudge, stacked_modes
from mine_lightning.metrics.modes import ModeCount, ModeKL

__all__ = ["ModeCoverage"]


class ModeCoverage(Callback):
    """Log ``modes`` (of 1000) and ``kl`` (nats, generated to uniform) of generated stacked digits.

    Reads ``outputs["samples"]`` of the host's ``validation_step`` and ``test_step``. In the test it scores the batch
    itself as well, as ``floor_modes`` and ``floor_kl``: independent triples of real digits are what a perfect generator
    makes, judged by the same judge on the same number of samples.

    Raises:
        InputError: where the datamodule has no digits to train a judge on, or the host returns no samples.
    """

    def __init__(self) -> None:
        self._judge: DigitJudge | None = None
        self._generated = MetricCollection({"modes": ModeCount(), "kl": ModeKL()})
        self._real = self._generated.clone()

    @property
    def judge_accuracy(self) -> float | None:
        """The judge's own accuracy on the test digits, or None before it was needed."""
        return None if self._judge is None else self._judge.accuracy

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self._judge is not None:
            return
        digits = getattr(getattr(trainer, "datamodule", None), "digits", None)
        if digits is None:
            raise InputError(
                "Expected a datamodule with digits for ModeCoverage to train its judge on but there is none; "
                "use mine_lightning.StackedMNIST, or take the callback off."
            )
        # one process trains it, the others then find it in the cache
        if trainer.is_global_zero:
            self._judge = DigitJudge.trained_on(digits)
        trainer.strategy.barrier("judge")
        if self._judge is None:
            self._judge = DigitJudge.trained_on(digits)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._generated.to(pl_module.device).reset()

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._generated.to(pl_module.device).reset()
        self._real.to(pl_module.device).reset()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._generated.update(self._modes(samples_of(outputs, pl_module, "ModeCoverage")))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._generated.update(self._modes(samples_of(outputs, pl_module, "ModeCoverage")))
        self._real.update(self._modes(batch))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        log_scores(pl_module, "val/", self._generated, prog_bar=True)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        log_scores(pl_module, "test/", self._generated)
        log_scores(pl_module, "test/floor_", self._real)

    def _modes(self, images: Tensor) -> Tensor:
        assert self._judge is not None
        return stacked_modes(self._judge, images)
