"""Averaged weights: what a host is validated, tested and saved with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    the weights that are trained beside it, so that a resumed run goes on exactly.

    Lightning's own callback, with two differences: it averages all weights in one operation, a quarter of a step less;
    and a checkpoint that is loaded to be tested gives the average, where Lightning's, once it has trained, puts the
    weights without averaging in place.

    Args:
        decay: in [0, 1).
        warm_up: whether the n-th update has a decay of ``min(decay, (1 + n) / (10 + n))``, as in TensorFlow's
            ``ExponentialMovingAverage``: the average is of about the last ninth of the steps until that makes
            ``decay``. Without it the weights as they were drawn count for ``decay ** n``, a fifth of the average
            after 1,600 steps at 0.999, and of batch-normalised networks nothing of use comes out before that.

    Raises:
        InputError: if ``decay`` lies outside, or where training starts in ``16-true``, whose weights torch does not
            average.
    """

    def __init__(self, decay: float = 0.999, warm_up: bool = False) -> None:
        if not 0 <= decay < 1:
            raise InputError(f"Expected a decay of the averaged weights in [0, 1) but got {decay}; correct it.")
        super().__init__(multi_avg_fn=_in_its_own_precision(decay, warm_up))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and trainer.precision == "16-true":
            raise InputError(
                "Expected a precision whose weights can be averaged but got 16-true; give 16-mixed, or no "
                "weight_averaging."
            )
        super().setup(trainer, pl_module, stage)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
        else:
            self._average_model = None  # of an earlier fit: what is loaded is the average that was asked for


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
