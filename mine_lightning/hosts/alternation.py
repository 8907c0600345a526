"""What the training of every GAN host is composed of: whose turn it is, its optimizers, its evaluation's latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from mine_lightning.errors import InputError
from mine_lightning.streams import evaluation_seed
from mine_lightning.types import made

__all__ = ["alternate", "check_latents", "samples", "step_schedules", "turns"]


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


def turns(
    host: Any, *generators: nn.Module, beside: Sequence[nn.Module] = ()
) -> tuple[list[Optimizer], list[LRScheduler]]:
    """Return what ``configure_optimizers`` returns: the generator's and the discriminator's optimizer, and schedules.

    Args:
        host: has ``optimizer_g``, ``optimizer_d``, ``discriminator`` and ``schedule``, the latter None for none.
        generators: the modules that train in the generator's turn.
        beside: those that train in the discriminator's turn, beside it.
    """
    optimizers = [
        made("optimizer_g", host.optimizer_g, _parameters(generators)),
        made("optimizer_d", host.optimizer_d, _parameters([host.discriminator, *beside])),
    ]
    if host.schedule is None:
        return optimizers, []
    schedules = [made("schedule", host.schedule, optimizer) for optimizer in optimizers]
    if isinstance(schedules[0], ReduceLROnPlateau):  # no metric of a GAN falls as it gets better
        raise InputError(
            "Expected a schedule that steps by epochs but got ReduceLROnPlateau, which waits for a metric; take "
            "another, such as MultiStepLR."
        )
    return optimizers, schedules


def check_latents(latents: Any, generator: nn.Module) -> None:
    """Refuse latent vectors of another length than the generator says that it takes, where both say it.

    Raises:
        InputError: if they differ.
    """
    drawn, taken = getattr(latents, "size", None), getattr(generator, "latent", None)
    if isinstance(drawn, int) and isinstance(taken, int) and drawn != taken:
        raise InputError(
            f"Expected latent vectors of {taken} numbers, which {type(generator).__name__} takes, but code and noise "
            f"together have {drawn}; change one of the two."
        )


def step_schedules(host: LightningModule) -> None:
    """Step every schedule once; under manual optimisation Lightning leaves that to the module."""
    schedules = host.lr_schedulers() or []
    for schedule in schedules if isinstance(schedules, list) else [schedules]:
        schedule.step()  # type: ignore[call-arg]


def samples(host: Any, n: int, batch_idx: int, stream: int) -> dict[str, Tensor]:
    """Return what an evaluation step returns: n samples, of latents that are the same at every evaluation.

    Each batch and each process has latents of its own.

    Args:
        host: has ``generator`` and ``latents``.
        n: how many.
        batch_idx: of the evaluation.
        stream: 0 in validation, 1 in the test.
    """
    draw = torch.Generator().manual_seed(evaluation_seed(host, batch_idx, stream))
    latents = host.latents(n, host.device, draw)
    return {"samples": host.generator(latents).float()}


def _descend(host: LightningModule, optimizer: Any, loss: Tensor) -> None:
    optimizer.zero_grad()
    host.manual_backward(loss)
    optimizer.step()


def _parameters(modules: Sequence[nn.Module]) -> list[nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]
