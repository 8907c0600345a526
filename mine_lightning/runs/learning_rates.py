"""The learning rate of each group of parameters, under the part of the host that it trains."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, final

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer

__all__ = ["LearningRates", "names_of"]


@final
class LearningRates(Callback):
    """Log the rates as ``lr/generator`` and so on, or ``lr/all`` where one group has all that trains.

    Lightning's ``LearningRateMonitor`` has ``lr-Adam`` and ``lr-Adam-1`` there, which do not tell whose they are. Like
    it, this one is silent between the steps that are logged, and hands its numbers to the loggers itself, so that a
    host may log what it likes.
    """

    def __init__(self) -> None:
        self._step: int | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        step = trainer.fit_loop.epoch_loop._batches_that_stepped
        if step == self._step or not trainer._logger_connector.should_update_logs:  # once of several micro-batches
            return
        self._step = step
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        rates = {
            name: float(group["lr"])
            for name, group in zip(names_of(trainer.optimizers, pl_module), groups, strict=True)
        }
        trainer.callback_metrics.update({name: torch.tensor(rate) for name, rate in rates.items()})
        for logger in trainer.loggers:
            logger.log_metrics(rates, step=step)


def names_of(optimizers: Sequence[Optimizer], host: nn.Module) -> list[str]:
    """Return a log name for each group of parameters, by the host's modules that they are in.

    Args:
        optimizers: the host's; their groups come in this order.
        host: what they train.
    """
    paths = {
        parameter: name.removeprefix("_orig_mod.").split(".")  # of a compiled host
        for name, parameter in host.named_parameters()
    }
    trained = {path[0] for parameter, path in paths.items() if parameter.requires_grad}
    groups = [
        [paths[parameter] for parameter in group["params"] if parameter in paths]
        for optimizer in optimizers
        for group in optimizer.param_groups
    ]
    parts = [list(dict.fromkeys(path[0] for path in group)) for group in groups]
    if len(groups) == 1 and (not parts[0] or trained <= set(parts[0])):
        return ["lr/all"]
    names: list[str] = []
    for group, its in zip(groups, parts, strict=True):
        # two groups in one module: by what is within
        name = f"lr/{_joined(its) if parts.count(its) == 1 else '.'.join(_common(group))}"
        names.append(name if name not in names else f"{name}/{len(names)}")
    return names


def _joined(parts: Sequence[str]) -> str:
    if not parts:
        return "others"
    return "+".join(parts) if len(parts) <= 3 else f"{parts[0]}+{len(parts) - 1}"


def _common(paths: Sequence[Sequence[str]]) -> list[str]:
    """Return how all of the paths begin; where they do not begin alike, the parts that they are in, joined."""
    same = takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
    return [names[0] for names in same] or [_joined(list(dict.fromkeys(path[0] for path in paths)))]
