"""Averaged weights: what a host is validated, tested and saved with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mine_lightning.errors import InputError

__all__ = ["AveragedWeights"]


class AveragedWeights(WeightAveraging):
    """Keep an exponential moving average of the host's weights, for everything but training.

    After the first step the average is the weights, then after each ``decay * average + (1 - decay) * weights``. It
    is in place in validations and from the end of training on, and it is the ``state_dict`` of checkpoints, which hold
    the weights that are trained beside it, so that a run that is resumed from one goes on exactly. One that is saved by
    hand after ``trainer.fit`` has the average alone.

    Lightning's own callback, with some differences. It averages all weights in one operation, a quarter of a step less,
    where the host is trained. A checkpoint that is loaded to be tested gives the average, where Lightning's, once it
    has trained, puts the weights without averaging in place; another model that is validated afterwards is left as it
    is. A second Trainer starts anew, where Lightning's waits until it has come as far as the first one and puts the
    weights from before training in place. Where a validation is interrupted, what is trained is put back.

    Args:
        decay: in [0, 1).
        warm_up: whether the n-th update has a decay of ``min(decay, (1 + n) / (10 + n))``, as in TensorFlow's
            ``ExponentialMovingAverage``: the average is of about the last ninth of the steps until that makes
            ``decay``. Without it the weights as they were drawn count for ``decay ** n``, a fifth of the average
            after 1,600 steps at 0.999, and of batch-normalised networks nothing of use comes out before that.

    Raises:
        InputError: if ``decay`` lies outside; where training starts, in ``16-true``, whose weights torch does not
            average, for a host that makes layers in its ``setup``, after they were copied, and for one of ``lightning``
            in place of ``pytorch_lightning``.
    """

    def __init__(self, decay: float = 0.999, warm_up: bool = False) -> None:
        if not 0 <= decay < 1:
            raise InputError(f"Expected a decay of the averaged weights in [0, 1) but got {decay}; correct it.")
        super().__init__(multi_avg_fn=_in_its_own_precision(decay, warm_up))
        self.rule = (decay, warm_up)  # by which two are told to be alike
        self._trained: list[Tensor] | None = None  # while the average is in place

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        if not isinstance(pl_module, LightningModule):
            raise InputError(
                f"Expected a LightningModule of pytorch_lightning but {type(pl_module).__name__} is one of another "
                "package; take its own WeightAveraging, or import pytorch_lightning."
            )
        if trainer.precision == "16-true":
            raise InputError(
                "Expected a precision whose weights can be averaged but got 16-true; give 16-mixed, or no "
                "weight_averaging."
            )
        self._latest_update_step, self._trained = trainer.global_step, None  # not those of an earlier fit's Trainer
        asked = self._device
        self._device = asked or trainer.strategy.root_device  # the host is moved there after this
        super().setup(trainer, pl_module, stage)
        self._device = asked

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert self._average_model is not None
        later = pl_module.state_dict().keys() ^ self._average_model.module.state_dict().keys()
        if later:
            raise InputError(
                f"Expected {type(pl_module).__name__}'s layers to be there before its setup but {min(later)} is not, "
                "so that it has no average; make it in __init__ or configure_model."
            )

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING and self._average_model is not None:
            # beside the average, not in its place as Lightning's does: in another precision both would be rounded
            self._trained = [tensor.detach().clone() for tensor in _tensors(pl_module)]
            self._copy_average_to_current(pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._trained is not None:
            for tensor, trained in zip(_tensors(pl_module), self._trained, strict=True):
                tensor.data.copy_(trained)
            self._trained = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.on_validation_epoch_end(trainer, pl_module)  # a checkpoint may be saved yet

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
        else:
            self._average_model = None  # of an earlier fit: what is loaded is the average that was asked for


def _tensors(host: LightningModule) -> Iterator[Tensor]:
    return itertools.chain(host.parameters(), host.buffers())


def _in_its_own_precision(decay: float, warm_up: bool) -> Callable[..., None]:
    """Return an average that takes weights of any precision: it is copied before the Trainer sets the host's."""
    average = get_ema_multi_avg_fn(decay)

    def update(averaged: Sequence[Tensor], weights: Sequence[Tensor], count: Any) -> None:
        current = average
        if warm_up:
            n = int(count)  # of updates so far, on GPU a look that waits for it
            current = get_ema_multi_avg_fn(min(decay, (1 + n) / (10 + n)))
        current(averaged, [weight.to(old.dtype) for weight, old in zip(weights, averaged, strict=True)], count)

    return update
