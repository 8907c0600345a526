"""The classifier of the information-bottleneck table: an encoder, a decoder and a loss, all of them objects."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.hosts.averaging import AveragedWeights
from mine_lightning.hosts.classification import ClassifierLoss, CrossEntropy
from mine_lightning.metrics.classification_error import ErrorPercent, ErrorPercentStderr
from mine_lightning.precision import full
from mine_lightning.streams import evaluation_seed, private_stream
from mine_lightning.types import OptimizerFactory, ScheduleFactory, made

__all__ = ["Classifier"]


class Classifier(LightningModule):
    r"""A classifier with a code z on the way, trained by automatic optimisation.

    Batches are x ``[n, ...]`` and labels ``[n]``. ``forward`` returns the class probabilities, averaged over draws of
    z. Logs ``train/loss`` (nats), ``val/error_percent``, and of the test ``test/test_error_percent`` with its binomial
    standard error ``test/test_error_percent_stderr``. Evaluations draw the same noise each time. Their steps return one
    more draw, ``{"z", "mean", "std"}``, the latter two where the density of z is known.

    A mutual-information term finds x as ``"batch:0"`` and z as ``"input:decoder"``.

    Source: Alemi et al., Deep Variational Information Bottleneck, ICLR 2017, which Belghazi et al., ICML 2018, section
    5.3, take over.

    Args:
        encoder: x to a :class:`mine_lightning.types.Code`.
        decoder: z ``[n, latent]`` to logits ``[n, classes]``.
        loss: what is descended; the cross-entropy by default.
        optimizer: callable from the parameters to an optimizer.
        schedule: callable from the optimizer to its learning-rate schedule, stepped after each epoch; or None.
        weight_averaging: decay of the moving average of the weights with which the classifier is evaluated and saved;
            None evaluates the weights themselves.
        posterior_samples: draws of z that ``forward`` averages over, for an encoder with noise; 1 switches it off.

    Raises:
        InputError: if there is no draw.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        loss: ClassifierLoss | None = None,
        optimizer: OptimizerFactory = torch.optim.Adam,
        schedule: ScheduleFactory | None = None,
        weight_averaging: float | None = None,
        posterior_samples: int = 1,
    ) -> None:
        super().__init__()
        if posterior_samples < 1:
            raise InputError(f"Expected posterior_samples >= 1 but got {posterior_samples}; 1 takes a single draw.")
        if weight_averaging is not None:
            AveragedWeights(weight_averaging)  # a decay that is none is told now, not when training starts
        self.encoder = encoder
        self.decoder = decoder
        self.loss = CrossEntropy() if loss is None else loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.weight_averaging = weight_averaging
        self.posterior_samples = posterior_samples
        self.val_error = ErrorPercent()
        self.test_error, self.test_stderr = ErrorPercent(), ErrorPercentStderr()

    def forward(self, x: Tensor) -> Tensor:
        """Return class probabilities ``[n, classes]``, the mean over ``posterior_samples`` draws of z."""
        return self._logits(x).softmax(dim=2).mean(dim=0)

    def log_probabilities(self, x: Tensor) -> Tensor:
        """Return the logarithm of what ``forward`` returns, ``[n, classes]``, in nats; without underflow."""
        found = self._logits(x).log_softmax(dim=2)
        return found.logsumexp(dim=0) - math.log(len(found))

    def _logits(self, x: Tensor) -> Tensor:
        """Return the class logits of each draw of z, ``[draws, n, classes]``."""
        draws = self.posterior_samples if getattr(self.encoder, "stochastic", True) else 1
        return torch.stack([full(self.decoder(self.encoder(x).z)) for _ in range(draws)])

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, labels = batch
        code = self.encoder(x)
        loss = self.loss(full(self.decoder(code.z)), labels, code)
        self.log("train/loss", loss.detach())
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        with self._fixed_noise(batch_idx, stream=0):
            outputs = self._one_draw(batch[0])  # first: who captures the newest code and its density finds one draw's
            self.val_error.update(self(batch[0]), batch[1])
        self.log("val/error_percent", self.val_error, prog_bar=True)
        return outputs

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        with self._fixed_noise(batch_idx, stream=1):
            outputs, predicted = self._one_draw(batch[0]), self(batch[0])
        for metric in (self.test_error, self.test_stderr):
            metric.update(predicted, batch[1])
        self.log("test/test_error_percent", self.test_error)
        self.log("test/test_error_percent_stderr", self.test_stderr)
        return outputs

    def configure_optimizers(self) -> Any:
        optimizer = made("optimizer", self.optimizer, self.parameters())
        return optimizer if self.schedule is None else ([optimizer], [made("schedule", self.schedule, optimizer)])

    def configure_callbacks(self) -> list[Callback]:
        if self.weight_averaging is None:
            return []
        own = AveragedWeights(self.weight_averaging)
        for given in self._trainer.callbacks if self._trainer else ():  # type: ignore[attr-defined]
            # Lightning would take it out without a word; in a test it is the one of before, made here
            if isinstance(given, WeightAveraging) and getattr(given, "rule", None) != own.rule:
                raise InputError(
                    f"Expected one average of the weights but the model has weight_averaging {self.weight_averaging} "
                    f"and the Trainer an {type(given).__name__}; take the callback out, or set weight_averaging to "
                    "None."
                )
        return [own]

    def _one_draw(self, x: Tensor) -> dict[str, Tensor]:
        return {name: value for name, value in self.encoder(x)._asdict().items() if value is not None}

    def _fixed_noise(self, batch_idx: int, stream: int) -> AbstractContextManager[None]:
        """Return random numbers that depend on the batch alone."""
        return private_stream(self.device, evaluation_seed(self, batch_idx, stream))
