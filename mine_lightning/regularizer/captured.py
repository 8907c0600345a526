"""A pair of x and z as it was caught, joined from the parts of each side."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Side

__all__ = ["Captured"]


@dataclass
class Captured:
    """A pair caught in one forward pass of the host, still in its graph.

    Attributes:
        x: samples ``[n, ...]``.
        z: their partners ``[n, ...]``.
        sources: the tensors of x, and of z, as the host holds them, before any index; several where a side joins them.
        share: the term's gradient through this pair by parameter of the host, once it was computed; empty where it
            joined the loss.
        asked: the parameters that the share was computed for; one that was frozen then may be trained later.
        slopes: the bound's gradient for each of ``through``, with sign and weight and the loss scaler's scale, as
            :func:`mine_lightning.regularizer.term.gradients` takes them; None where the pair joined the loss.
        seen: whether Lightning told of a backward that runs through the pair.
    """

    x: Tensor
    z: Tensor
    sources: tuple[tuple[Tensor, ...], tuple[Tensor, ...]]
    share: dict[nn.Parameter, Tensor] | None = None
    asked: set[nn.Parameter] = field(default_factory=set)
    slopes: tuple[list[Tensor], float, Tensor | float] | None = None
    seen: bool = False

    @classmethod
    def of(cls, x: Side, z: Side, found: Mapping[str, Any], seen: bool = False) -> Captured:
        """Return the pair of what the captures of both sides found, by their texts.

        Raises:
            InputError: if an index does not fit, a result is no tensor, or the samples are no pairs.
        """
        (x_sources, x_parts), (z_sources, z_parts) = x.select(found), z.select(found)
        _check_pairs(x_parts, z_parts, x, z)
        return cls(_joined(x_parts), _joined(z_parts), (x_sources, z_sources), seen=seen)

    @property
    def carries(self) -> tuple[bool, bool]:
        """Whether x, and whether z, is a function of the host's parameters.

        A leaf that is no parameter is not, even where it requires a gradient: a gradient penalty asks for that of data.
        """
        x, z = (any(_is_function(source) for source in sources) for sources in self.sources)
        return x and self.x.requires_grad, z and self.z.requires_grad

    @property
    def through(self) -> list[Tensor]:
        """Those of x and z by which the term's gradient reaches the host."""
        return [tensor for tensor, carries in zip((self.x, self.z), self.carries, strict=True) if carries]

    @property
    def roots(self) -> list[Tensor]:
        """The sources of those: they are what a loss depends on."""
        sides = (sources for sources, carries in zip(self.sources, self.carries, strict=True) if carries)
        return [source for sources in sides for source in sources if _is_function(source)]


def _is_function(source: Tensor) -> bool:
    """Return whether a tensor is a function of parameters, or one itself, that require a gradient."""
    return source.requires_grad and (source.grad_fn is not None or isinstance(source, nn.Parameter))


def _joined(parts: list[Tensor]) -> Tensor:
    """Return the samples of all parts; of a single part, the host's own tensor.

    Parts of different precisions meet in float32 or better: whole numbers lose their last digits in a half.
    """
    if len(parts) == 1:
        return parts[0]
    if len({part.dtype for part in parts}) > 1:
        common = functools.reduce(torch.promote_types, (part.dtype for part in parts), torch.float32)
        parts = [part.to(common) for part in parts]
    return torch.cat(parts)


def _check_pairs(x: list[Tensor], z: list[Tensor], of_x: Side, of_z: Side) -> None:
    """Refuse sides whose samples are no pairs: a part of x goes with the part of z that has its place.

    Raises:
        InputError: if two with the same place differ in their number of samples.
    """
    for one, other, name, partner in zip(x, z, of_x.captures, of_z.captures, strict=True):
        if one.ndim == 0 or other.ndim == 0 or len(one) != len(other):
            raise InputError(
                f"Expected x and z to have the same number of samples but {name.text!r} has shape {list(one.shape)} "
                f"and {partner.text!r} has {list(other.shape)}; the first axis must count samples, and both come from "
                "the same pass."
            )
