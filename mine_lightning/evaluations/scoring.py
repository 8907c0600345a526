"""What every scoring callback does: read samples, update metrics, log them, and in the test the batch's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_warn
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from mine_lightning.errors import InputError
from mine_lightning.evaluations.evaluation import Evaluation

__all__ = ["Scoring", "log_scores", "trained_by_one"]

_Judge = TypeVar("_Judge")


class Scoring(Evaluation, ABC):
    """Logs ``val/NAME`` and ``test/NAME`` of generated samples, and in the test ``test/floor_NAME`` of the batch.

    The floor is what a perfect generator scores with the same number of samples. A subclass makes the metrics in its
    ``setup`` by :meth:`score_with`, and says what they read.
    """

    def __init__(self) -> None:
        self._generated: MetricCollection | None = None
        self._real: MetricCollection | None = None
        self._mode_counts: Tensor | None = None
        self._told = False

    @property
    def mode_counts(self) -> Tensor | None:
        """Samples per mode ``[modes]`` of the last validation, of all processes; None before it, or without modes."""
        return self._mode_counts

    @abstractmethod
    def read(self, samples: Tensor) -> Tensor:
        """Return what the metrics are updated with, of generated samples or of a batch."""

    def score_with(self, metrics: MetricCollection, host: LightningModule) -> None:
        """Take the metrics, by name, on the host's device; one called ``modes`` counts samples in its ``counts``."""
        self._generated = metrics.to(host.device)
        self._real = self._generated.clone()

    def begin(self, host: LightningModule, prefix: str) -> None:
        for scores in self._scores(host):
            scores.reset()

    def take(self, host: LightningModule, outputs: Any, batch: Any, prefix: str) -> None:
        generated, real = self._scores(host)
        generated.update(self.read(self._samples_of(outputs, host)))
        data = batch[0] if isinstance(batch, tuple | list) and batch else batch
        if not isinstance(data, Tensor):
            self._tell_of_no_data(batch, prefix)
        elif prefix == "test/":
            real.update(self.read(data))

    def end(self, host: LightningModule, prefix: str) -> None:
        generated, real = self._scores(host)
        log_scores(host, prefix, generated, prog_bar=prefix == "val/")
        if prefix == "test/":
            log_scores(host, "test/floor_", real)
        elif "modes" in generated:
            modes: Any = generated["modes"]
            with modes.sync_context():
                self._mode_counts = modes.counts.cpu().clone()

    def _scores(self, host: LightningModule) -> tuple[MetricCollection, MetricCollection]:
        assert self._generated is not None
        assert self._real is not None
        return self._generated.to(host.device), self._real.to(host.device)

    def _samples_of(self, outputs: Any, host: LightningModule) -> Tensor:
        if not isinstance(outputs, dict) or "samples" not in outputs:
            raise InputError(
                f"Expected {type(host).__name__} to return {{'samples': images}} from its validation and test step but "
                f"got {type(outputs).__name__}; return them, or take {type(self).__name__} off."
            )
        samples = outputs["samples"]
        if not isinstance(samples, Tensor) or not samples.ndim:
            raise InputError(
                f"Expected samples of {type(host).__name__} to be a tensor [n, ...] but got {type(samples).__name__}; "
                "return one."
            )
        return samples

    def _tell_of_no_data(self, batch: Any, prefix: str) -> None:
        """Refuse a batch of which there is no floor in a test, and tell of it in the first validation before."""
        told = (
            f"Expected batches of {type(self).__name__} to be a tensor of data, or to begin with one, for the floor "
            f"beside a host's scores, but got {type(batch).__name__}; let the datamodule give such"
        )
        if prefix == "test/":
            raise InputError(f"{told}.")
        if not self._told:
            self._told = True
            rank_zero_warn(f"{told}, or a test will end here.")


def log_scores(host: LightningModule, prefix: str, scores: MetricCollection | Metric, prog_bar: bool = False) -> None:
    """Log everything that a collection, or a metric of several numbers, computes, under its name after the prefix."""
    for name, value in scores.compute().items():
        # compute() has summed over processes already; sync_dist averages equal numbers, and says so to Lightning
        host.log(f"{prefix}{name}", value, prog_bar=prog_bar, sync_dist=True)


def trained_by_one(trainer: Trainer, train: Callable[[], _Judge]) -> _Judge:
    """Return a judge that one process trains, while the others wait to find it in the cache.

    Args:
        trainer: the run's.
        train: returns the judge, from the cache or trained.
    """
    judge = train() if trainer.is_global_zero else None
    trainer.strategy.barrier("judge")
    return train() if judge is None else judge
