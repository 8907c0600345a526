"""Coverage of a mixture with known centres, beside what samples of the mixture itself score."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torchmetrics import MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.outputs import log_scores, samples_of
from mine_lightning.metrics.high_quality import HighQualityShare, ModesCaptured

__all__ = ["MixtureCoverage"]


class MixtureCoverage(Callback):
    """Log ``modes`` captured and the share of ``high_quality`` samples by VEEGAN's rule.

    Reads ``outputs["samples"]`` of the host's ``validation_step`` and ``test_step``, and centres and standard deviation
    of the datamodule's ``mixture``. In the test it scores the batch itself as well, as ``floor_modes`` and
    ``floor_high_quality``: what a perfect generator scores with the same number of samples.

    Raises:
        InputError: where the datamodule has no mixture, or the host returns no samples.
    """

    def __init__(self) -> None:
        self._generated: MetricCollection | None = None
        self._real: MetricCollection | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        mixture = getattr(getattr(trainer, "datamodule", None), "mixture", None)
        if mixture is None:
            raise InputError(
                "Expected a datamodule with a mixture, whose centres MixtureCoverage counts, but there is none; "
                "use mine_lightning.ToyMixture, or take the callback off."
            )
        self._generated = MetricCollection(
            {
                "modes": ModesCaptured(mixture.centres, mixture.std),
                "high_quality": HighQualityShare(mixture.centres, mixture.std),
            },
            compute_groups=False,  # found out in the first update, they would share a state that reset() parts
        ).to(pl_module.device)
        self._real = self._generated.clone()

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._scores()[0].reset()

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for scores in self._scores():
            scores.reset()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._scores()[0].update(samples_of(outputs, pl_module, "MixtureCoverage"))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        generated, real = self._scores()
        generated.update(samples_of(outputs, pl_module, "MixtureCoverage"))
        real.update(batch)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        log_scores(pl_module, "val/", self._scores()[0], prog_bar=True)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        generated, real = self._scores()
        log_scores(pl_module, "test/", generated)
        log_scores(pl_module, "test/floor_", real)

    def _scores(self) -> tuple[MetricCollection, MetricCollection]:
        assert self._generated is not None
        assert self._real is not None
        return self._generated, self._real
