"""What the training of every GAN host is composed of: whose turn it is, its optimizers, its evaluation's latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mine_lightning.types import ScheduleFactory

__all__ = ["alternate", "evaluation_latents", "step_schedules", "with_schedules"]


def alternate(host: LightningModule, loss_d: Tensor, loss_g: Callable[[], Tensor]) -> None:
    """Take one step of the discriminator, then one of the generator, and log ``train/loss_d`` and ``train/loss_g``.

    Args:
        host: under manual optimisation, its optimizers the generator's and the discriminator's, in this order.
        loss_d: what the discriminator descends, a scalar.
        loss_g: called after the discriminator's step, returns what the generator descends.
    """
    optimizer_g, optimizer_d = host.optimizers()  # type: ignore[attr-defined]
    _descend(host, optimizer_d, loss_d)
    host.toggle_optimizer(optimizer_g)  # spares the gradient of the discriminator's weights
    loss = loss_g()
    _descend(host, optimizer_g, loss)
    host.untoggle_optimizer(optimizer_g)
    host.log_dict({"train/loss_d": loss_d.detach(), "train/loss_g": loss.detach()})


def with_schedules(
    optimizers: list[Optimizer], schedule: ScheduleFactory | None
) -> tuple[list[Optimizer], list[LRScheduler]]:
    """Return what ``configure_optimizers`` returns: the optimizers, and the schedule of each where there is one."""
    return optimizers, [] if schedule is None else [schedule(optimizer) for optimizer in optimizers]


def step_schedules(host: LightningModule) -> None:
    """Step every schedule once; under manual optimisation Lightning leaves that to the module."""
    schedules = host.lr_schedulers() or []
    for schedule in schedules if isinstance(schedules, list) else [schedules]:
        schedule.step()  # type: ignore[call-arg]


def evaluation_latents(host: LightningModule, latents: nn.Module, n: int, batch_idx: int, stream: int) -> Tensor:
    """Return n latent vectors that are the same at every evaluation, and others in each batch and on each process.

    Args:
        host: says the device, and which process of how many this is.
        latents: called as ``latents(n, device, generator)``.
        n: how many.
        batch_idx: of the evaluation.
        stream: 0 in validation, 1 in the test.
    """
    place = (batch_idx * host.trainer.world_size + host.global_rank) * 2 + stream
    return latents(n, host.device, torch.Generator().manual_seed(place))


def _descend(host: LightningModule, optimizer: Any, loss: Tensor) -> None:
    optimizer.zero_grad()
    host.manual_backward(loss)
    optimizer.step()
