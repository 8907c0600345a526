"""Channels z = f(x) + noise in one dimension or independently in several."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from mine_lightning.data.known_mi.distribution import KnownMI

__all__ = ["NoisyFunction", "UniformNoise"]


class UniformNoise(KnownMI):
    r"""z = x + noise with x uniform on [0, 1] and noise uniform on [-width, width], one dimension each.

    .. math:: I = w - \log 2w \ (w \le 1/2), \quad 1/(4w) \ (w \ge 1/2), \quad w = \mathrm{width}

    Args:
        width: half the range of the noise, positive.
    """

    def __init__(self, width: float) -> None:
        self.width = width

    @property
    def name(self) -> str:
        return f"uniform-noise-{self.width:g}"

    @property
    def mi(self) -> float:
        return self.width - math.log(2 * self.width) if self.width <= 0.5 else 1 / (4 * self.width)

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, noise = torch.rand(2, n, 1, generator=generator, dtype=torch.float64)
        return x, x + self.width * (2 * noise - 1)


class NoisyFunction(KnownMI):
    r"""z = f(x) + sigma * e with x uniform on [-1, 1] and e standard normal, independently in each dimension.

    The information is that of one dimension, h(z) - h(sigma e), times their number; h(z) is integrated numerically.
    It does depend on f: the noise comes after it.

    Source: Belghazi et al., ICML 2018, section 5.2 (their figure 2 has f in x, x^3, sin x and two dimensions).

    Args:
        name: of the function.
        function: elementwise, from [-1, 1] to the reals.
        sigma: standard deviation of the noise, positive.
        dims: dimensions of x and of z.
    """

    def __init__(self, name: str, function: Callable[[Tensor], Tensor], sigma: float, dims: int = 1) -> None:
        self._name = name
        self.function = function
        self.sigma = sigma
        self.dims = dims

    @property
    def name(self) -> str:
        return f"{self._name}-noise-{self.sigma:g}-{self.dims}d"

    @cached_property
    def mi(self) -> float:
        """The mutual information in nats."""
        # midpoints of x; z on a grid with eight points a sigma, beyond which the density is below 1e-30
        x = (torch.arange(8000, dtype=torch.float64) + 0.5) / 4000 - 1
        means = self.function(x)
        z = torch.arange(means.min().item() - 12 * self.sigma, means.max().item() + 12 * self.sigma, self.sigma / 8)
        scaled = (z[:, None].double() - means) / self.sigma
        density = torch.exp(-0.5 * scaled**2).mean(1) / (self.sigma * math.sqrt(2 * math.pi))
        entropy = -torch.trapezoid(torch.special.xlogy(density, density), z.double()).item()
        return self.dims * (entropy - 0.5 * math.log(2 * math.pi * math.e * self.sigma**2))

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = 2 * torch.rand(n, self.dims, generator=generator, dtype=torch.float64) - 1
        noise = torch.randn(n, self.dims, generator=generator, dtype=torch.float64)
        return x, self.function(x) + self.sigma * noise
