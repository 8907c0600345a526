"""How much a code tells of its input, between two bounds, where its density is known."""

from __future__ import annotations

from typing import Any, final

from pytorch_lightning import Callback, LightningModule, Trainer

from mine_lightning.metrics.known_density import KnownDensityInformation

__all__ = ["CodeInformation"]


@final
class CodeInformation(Callback):
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

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start(pl_module)

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start(pl_module)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._read(outputs)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._read(outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log(pl_module, "val/")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log(pl_module, "test/")

    def _start(self, host: LightningModule) -> None:
        self._metric.to(host.device).reset()
        self._samples = 0

    def _read(self, outputs: Any) -> None:
        if isinstance(outputs, dict) and {"z", "mean", "std"} <= outputs.keys() and self._samples < self.limit:
            parts = [outputs[name][: self.limit - self._samples] for name in ("z", "mean", "std")]
            self._metric.update(*parts)
            self._samples += len(parts[0])

    def _log(self, host: LightningModule, prefix: str) -> None:
        if self._samples == 0:
            return
        for name, value in self._metric.compute().items():
            # compute() has joined the processes' samples already; sync_dist averages equal numbers
            host.log(f"{prefix}{name}", value, sync_dist=True)
        self._metric.reset()
