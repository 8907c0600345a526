"""The term's gradient on one batch: through T to x and z, and from there to the host's parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.graph import has_reentrant_checkpoint
from mine_lightning.regularizer.ranks import Ranks

__all__ = ["above_zero", "gradients", "join_loss", "refuse_reentrant_checkpoint", "slopes"]


def slopes(mine: MINE, pair: Captured, x: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the bound's value, in nats, and its gradient for those of x and z that carry a gradient in the host.

    A gradient that is not finite is 0.

    Args:
        mine: T and its bound.
        pair: x and z as captured.
        x: x outside of the host's graph, in T's precision.
        z: likewise z.
    """
    for leaf, carries in zip((x, z), pair.carries, strict=True):
        leaf.requires_grad_(carries)
    with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
        value = mine.bound(*mine.scores(x, z))
        found = torch.autograd.grad(value, [leaf for leaf in (x, z) if leaf.requires_grad])
    # scores may overflow for a batch; one such gradient would leave the host at NaN for good
    finite = torch.stack([slope.sum() for slope in found]).sum().isfinite()
    return value.detach(), [torch.where(finite, slope, torch.zeros_like(slope)) for slope in found]


def above_zero(value: Tensor, slopes: Sequence[Tensor], ranks: Ranks) -> list[Tensor]:
    """Return the gradient of max(value, 0) from that of a value.

    Information is never negative. Where the value is, T lags behind the host, and its slope says which way to run from
    T, not which way x and z share less: followed, it ends millions of nats below 0.

    Args:
        value: of the bound on this process's batch, in nats.
        slopes: its gradient.
        ranks: the processes over which the value counts.
    """
    over_all = value.clone()
    ranks.average([over_all])
    positive = over_all > 0
    return [torch.where(positive, slope, torch.zeros_like(slope)) for slope in slopes]


def join_loss(loss: Tensor, through: Sequence[Tensor], slopes: Sequence[Tensor], weight: Tensor | float) -> None:
    """Give a loss the term's gradient and leave its value as it is, so that one backward computes both.

    In place, since a callback's return value is ignored; Lightning hands out a fresh tensor under automatic
    optimisation, so that nothing saved for the backward is overwritten.
    """
    term = sum(((t.to(slope.dtype) * (slope * weight)).sum() for t, slope in zip(through, slopes, strict=True)), 0.0)
    assert isinstance(term, Tensor)
    loss.add_((term - term.detach()).to(loss.dtype))


def gradients(
    parameters: Sequence[nn.Parameter],
    through: Sequence[Tensor],
    slopes: Sequence[Tensor],
    weight: Tensor | float,
    scale: Tensor | float,
) -> dict[nn.Parameter, Tensor]:
    """Return the term's gradient for those parameters that it reaches, in float32 or better.

    The host's graph and ``.grad`` stay as they are.

    Args:
        parameters: the host's.
        through: those of x and z that are functions of them.
        slopes: the bound's gradient for each of them.
        weight: sign and weight of the term.
        scale: of the loss scaler; gradients run through the host multiplied with it and come back without.

    Raises:
        InputError: if an earlier backward has freed a part of the graph.
    """
    seeds = [(slope * (weight * scale)).to(tensor.dtype) for slope, tensor in zip(slopes, through, strict=True)]
    try:
        found = torch.autograd.grad(through, parameters, seeds, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        if "modified by an inplace operation" in str(error):
            raise InputError(
                "Expected the graph of x and z to be as it was computed when a backward runs with both at hand but it "
                "was changed in place since, as by an optimizer step; add the two losses and call manual_backward "
                "once, or step after both backwards."
            ) from error
        if "backward through the graph a second time" not in str(error):
            raise
        raise InputError(
            "Expected the graph of x and z to be whole when a backward first runs with both at hand but an earlier one "
            "has freed a part of it; add the two losses and call manual_backward once, or give the earlier call "
            "retain_graph=True."
        ) from error
    return {
        parameter: _unscaled(gradient, scale)
        for parameter, gradient in zip(parameters, found, strict=True)
        if gradient is not None
    }


def _unscaled(gradient: Tensor, scale: Tensor | float) -> Tensor:
    full = gradient.to(torch.promote_types(gradient.dtype, torch.float32))
    return full / scale if isinstance(scale, Tensor) or scale != 1 else full


def refuse_reentrant_checkpoint(pair: Captured, x: str, z: str) -> None:
    """Refuse a host that hides its parameters from a second gradient.

    Raises:
        InputError: if x or z comes out of a reentrant activation checkpoint.
    """
    for name, tensor in ((x, pair.x), (z, pair.z)):
        if has_reentrant_checkpoint(tensor):
            raise InputError(
                f"Expected {name!r} to come from a graph that can be differentiated twice but it passes a reentrant "
                "activation checkpoint, behind which the term would silently be lost; checkpoint with "
                "use_reentrant=False."
            )
