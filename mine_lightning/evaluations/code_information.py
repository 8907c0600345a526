"""How much a code tells of its input, between two bounds, where its density is known."""

from __future__ import annotations

from typing import Any, final

from pytorch_lightning import LightningModule

from mine_lightning.evaluations.evaluation import Evaluation
from mine_lightning.evaluations.scoring import log_scores
from mine_lightning.metrics.known_density import KnownDensityInformation

__all__ = ["CodeInformation"]


@final
class CodeInformation(Evaluation):
    """Log bounds on I(x; z), as ``mi_lower``, ``mi_upper``, their ``_stderr``, and ``mi_limit``, in nats.

    Reads ``outputs["z"]``, ``outputs["mean"]`` and ``outputs["std"]`` of the host's ``validation_step`` and
    ``test_step``; :class:`mine_lightning.metrics.KnownDensityInformation` has the bounds. Where a host returns no
    density nothing is logged: an encoder that gets its noise elsewhere has none that is known.

    With noise on the input as well it is I(x + noise; z), which is at least I(x; z): the upper bound holds for both.

    Args:
        limit: samples that are read of an evaluation and process, at most; the bounds take the square of their number.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self.limit = limit
        self._metric = KnownDensityInformation()
        self._samples = 0

    def begin(self, host: LightningModule, prefix: str) -> None:
        self._metric.to(host.device).reset()
        self._samples = 0

    def take(self, host: LightningModule, outputs: Any, batch: Any, prefix: str) -> None:
        if isinstance(outputs, dict) and {"z", "mean", "std"} <= outputs.keys() and self._samples < self.limit:
            parts = [outputs[name][: self.limit - self._samples] for name in ("z", "mean", "std")]
            self._metric.update(*parts)
            self._samples += len(parts[0])

    def end(self, host: LightningModule, prefix: str) -> None:
        # a process without samples, as uneven loaders leave one, would log nothing and keep the others waiting
        if not host.trainer.strategy.reduce_boolean_decision(self._samples > 0):
            return
        log_scores(host, prefix, self._metric)
        self._metric.reset()
