"""The learning rate of each optimizer, under the part of the host that it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer

__all__ = ["LearningRates", "names_of"]


@final
class LearningRates(Callback):
    """Log the rates as ``lr/generator`` and so on, or ``lr`` where one optimizer has all of the host.

    Lightning's ``LearningRateMonitor`` has ``lr-Adam`` and ``lr-Adam-1`` there, which do not tell whose they are.
    """

    def __init__(self) -> None:
        self._of: list[Optimizer] = []
        self._names: list[str] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.optimizers != self._of:
            self._of, self._names = list(trainer.optimizers), names_of(trainer.optimizers, pl_module)
        rates: dict[str, float] = {}
        for name, optimizer in zip(self._names, self._of, strict=True):
            groups = optimizer.param_groups
            rates |= {name if len(groups) == 1 else f"{name}/group{i}": group["lr"] for i, group in enumerate(groups)}
        # in double precision, or 3e-4 would be written as 0.0003000000142492354
        pl_module.log_dict({name: torch.tensor(float(rate), dtype=torch.float64) for name, rate in rates.items()})


def names_of(optimizers: Sequence[Optimizer], host: nn.Module) -> list[str]:
    """Return a log name for each optimizer, by the host's modules whose parameters it has.

    Args:
        optimizers: the host's, in its order.
        host: what they train.
    """
    parts = {parameter: _part(name) for name, parameter in host.named_parameters()}
    names: list[str] = []
    for optimizer in optimizers:
        its = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        found = list(dict.fromkeys(parts[parameter] for parameter in its if parameter in parts))
        whole = len(optimizers) == 1 and len(found) == len(set(parts.values()))
        name = "lr" if whole or not found else _joined(found)
        names.append(name if name not in names else f"{name}/{len(names)}")
    return names


def _part(name: str) -> str:
    return name.removeprefix("_orig_mod.").split(".")[0]  # of a compiled host


def _joined(found: Sequence[str]) -> str:
    return f"lr/{'+'.join(found)}" if len(found) <= 3 else f"lr/{found[0]}+{len(found) - 1}"
