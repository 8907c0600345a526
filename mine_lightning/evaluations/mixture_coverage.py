"""Coverage of a mixture with known centres, beside what samples of the mixture itself score."""

from __future__ import annotations

from typing import final

from pytorch_lightning import LightningModule, Trainer
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.scoring import Scoring
from mine_lightning.metrics.high_quality import HighQualityShare, ModesCaptured

__all__ = ["MixtureCoverage"]


@final
class MixtureCoverage(Scoring):
    """Log ``modes`` captured and the share of ``high_quality`` samples by VEEGAN's rule.

    Reads ``outputs["samples"]`` of the host's ``validation_step`` and ``test_step``, and centres, standard deviation
    and radius of the datamodule's ``mixture``. In the test it scores the batch itself as well, as ``floor_modes`` and
    ``floor_high_quality``: what a perfect generator scores with the same number of samples.

    Raises:
        InputError: where the datamodule has no mixture, or the host returns no samples.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        mixture = getattr(getattr(trainer, "datamodule", None), "mixture", None)
        if mixture is None:
            raise InputError(
                "Expected a datamodule with a mixture, whose centres MixtureCoverage counts, but there is none; "
                "use mine_lightning.ToyMixture, or take the callback off."
            )
        rule = (mixture.centres, mixture.std, getattr(mixture, "radius", 3.0))  # VEEGAN's, where it names none
        metrics: dict[str, Metric | MetricCollection] = {
            "modes": ModesCaptured(*rule),
            "high_quality": HighQualityShare(*rule),
        }
        # compute groups, found out in the first update, would share a state that reset() parts
        self.score_with(MetricCollection(metrics, compute_groups=False), pl_module)

    def read(self, samples: Tensor) -> Tensor:
        return samples
