"""One-to-one maps of each side: they change how x and z look and nothing of what they share."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mine_lightning.data.known_mi.distribution import KnownMI

__all__ = ["Mapped", "Spiral", "asinh", "half_cube", "identity", "normal_cdf", "swiss_roll", "wiggly", "wobbly"]

Map = Callable[[Tensor], Tensor]


def identity(x: Tensor) -> Tensor:
    """Return x as it is."""
    return x


def normal_cdf(x: Tensor) -> Tensor:
    """Return the standard normal distribution function: normal margins become uniform."""
    return torch.special.ndtr(x)


def half_cube(x: Tensor) -> Tensor:
    """Return sign(x) |x|^(3/2): heavier tails."""
    return x.sign() * x.abs() ** 1.5


def asinh(x: Tensor) -> Tensor:
    """Return the inverse hyperbolic sine: lighter tails."""
    return torch.asinh(x)


def wiggly(x: Tensor) -> Tensor:
    """Return x plus three sines whose slopes stay above -1 together."""
    return x + 0.4 * torch.sin(x) + 0.2 * torch.sin(1.7 * x + 1) + 0.03 * torch.sin(3.3 * x - 2.5)


def wobbly(x: Tensor) -> Tensor:
    """Return another such sum, for the other side."""
    return x - 0.4 * torch.sin(0.4 * x) + 0.17 * torch.sin(1.3 * x + 3.5) + 0.02 * torch.sin(4.3 * x - 2.5)


def swiss_roll(x: Tensor) -> Tensor:
    """Return a line ``[n, 1]`` of numbers in [0, 1], rolled up in the plane, ``[n, 2]``."""
    angle = 1.5 * math.pi * (1 + 2 * x)
    return torch.cat([angle * angle.cos(), angle * angle.sin()], dim=1) / 21


class Spiral:
    """Rotate two coordinates by an angle that grows with the squared length of the whole vector.

    A rotation keeps the length, so that the map can be turned back.

    Args:
        plane: the two coordinates.
        speed: radians for each unit of squared length.
    """

    def __init__(self, plane: tuple[int, int], speed: float) -> None:
        self.plane = plane
        self.speed = speed

    def __call__(self, x: Tensor) -> Tensor:
        """Return the rotated x ``[n, d]``."""
        angle, (i, j) = self.speed * x.square().sum(1), self.plane
        turned = x.clone()
        turned[:, i] = x[:, i] * angle.cos() - x[:, j] * angle.sin()
        turned[:, j] = x[:, i] * angle.sin() + x[:, j] * angle.cos()
        return turned


class Mapped(KnownMI):
    """A distribution seen through a one-to-one map of each side: the information is that of the inner one.

    Args:
        name: of the maps.
        inner: the distribution.
        x_map: of x, one-to-one on the support.
        z_map: of z, likewise.
    """

    def __init__(self, name: str, inner: KnownMI, x_map: Map, z_map: Map) -> None:
        self._name = name
        self.inner = inner
        self.x_map, self.z_map = x_map, z_map

    @property
    def name(self) -> str:
        return f"{self._name}({self.inner.name})"

    @property
    def mi(self) -> float:
        return self.inner.mi

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, z = self.inner.draw(n, generator)
        return self.x_map(x), self.z_map(z)
