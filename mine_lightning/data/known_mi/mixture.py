"""Mixtures of bivariate Gaussians, and discrete joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from mine_lightning.data.known_mi.distribution import KnownMI

__all__ = ["DiscreteJoint", "GaussianMixture"]


class GaussianMixture(KnownMI):
    """Equal parts of bivariate Gaussians with a common standard deviation; the information is integrated on a grid.

    Args:
        name: what to call it.
        means: of the parts, ``[parts, 2]``.
        correlations: of the parts, in (-1, 1).
        std: of each coordinate in each part.
    """

    def __init__(
        self, name: str, means: Sequence[tuple[float, float]], correlations: Sequence[float], std: float = 1.0
    ) -> None:
        self._name = name
        self.means = torch.tensor(means, dtype=torch.float64)
        self.correlations = torch.tensor(correlations, dtype=torch.float64)
        self.std = std

    @property
    def name(self) -> str:
        return self._name

    @cached_property
    def mi(self) -> float:
        """The mutual information in nats."""
        edge = self.means.abs().max().item() + 8 * self.std
        finest = self.std * (1 - self.correlations.abs().max().item() ** 2) ** 0.5
        grid = torch.arange(-edge, edge, finest / 8, dtype=torch.float64)
        joint = self.density(grid[:, None], grid[None, :])
        weight = (grid[1] - grid[0]).item()
        x, z = joint.sum(1, keepdim=True) * weight, joint.sum(0, keepdim=True) * weight
        terms = torch.special.xlogy(joint, joint) - torch.special.xlogy(joint, x) - torch.special.xlogy(joint, z)
        return terms.sum().item() * weight**2

    def density(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the joint density at points that broadcast."""
        total = torch.zeros(torch.broadcast_shapes(x.shape, z.shape), dtype=torch.float64)
        for (a, b), rho in zip(self.means.tolist(), self.correlations.tolist(), strict=True):
            u, v, free = (x - a) / self.std, (z - b) / self.std, 1 - rho**2
            form = (u**2 - 2 * rho * u * v + v**2) / free
            total += torch.exp(-0.5 * form) / (2 * math.pi * self.std**2 * math.sqrt(free))
        return total / len(self.means)

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        part = torch.randint(len(self.means), (n,), generator=generator)
        u, e = torch.randn(2, n, generator=generator, dtype=torch.float64)
        rho, mean = self.correlations[part], self.means[part]
        v = rho * u + (1 - rho**2).sqrt() * e
        return (mean[:, 0] + self.std * u)[:, None], (mean[:, 1] + self.std * v)[:, None]


class DiscreteJoint(KnownMI):
    """Two labels with a given joint table: I = H(z) - H(z|x), exactly. ``draw`` returns them as ``[n]`` numbers.

    Args:
        name: what to call it.
        table: probabilities ``[x labels, z labels]``; they are divided by their sum.
    """

    def __init__(self, name: str, table: Tensor) -> None:
        self._name = name
        self.table = table.double() / table.double().sum()

    @property
    def name(self) -> str:
        return self._name

    @property
    def mi(self) -> float:
        z, x = self.table.sum(0), self.table.sum(1, keepdim=True)
        entropy = -torch.special.xlogy(z, z).sum()
        conditional = -torch.special.xlogy(self.table, self.table / x.clamp(min=1e-300)).sum()
        return (entropy - conditional).item()

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        cell = torch.multinomial(self.table.flatten(), n, replacement=True, generator=generator)
        return cell // self.table.shape[1], cell % self.table.shape[1]
