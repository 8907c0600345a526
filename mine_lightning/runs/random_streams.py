"""Random streams that make a resumed run bitwise the uninterrupted one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

__all__ = ["SeedEachEpoch"]


class SeedEachEpoch(Callback):
    """Seed torch, NumPy and Python anew as each epoch's order is drawn, and at its first batch, by (seed, epoch, rank).

    Lightning's checkpoints hold no random state. Setting it from the epoch, rather than saving it, needs no state at
    all: a run killed at any moment and resumed from the end of an epoch draws what it would have drawn, on every rank,
    the order of a ``DataLoader(shuffle=True)`` too, unless it has a generator of its own.

    Args:
        seed: the run's seed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 0:
            return  # its order has been asked for already
        self._seed(trainer)
        # so has that of a resumed run's first epoch: let Lightning ask anew, as it does before all the others
        trainer.fit_loop._resuming_from_checkpoint = False

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        # on_train_epoch_start alone won't do: Lightning skips it for the first epoch after some resumes
        if batch_idx == 0:
            self._seed(trainer)

    def _seed(self, trainer: Trainer) -> None:
        entropy = [self.seed, trainer.current_epoch, trainer.global_rank]
        torch_seed, numpy_seed, python_seed = np.random.SeedSequence(entropy).generate_state(3)
        torch.manual_seed(int(torch_seed))
        np.random.seed(int(numpy_seed))
        random.seed(int(python_seed))
