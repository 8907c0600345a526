"""Gaussians and Student-t distributions: closed forms from the correlation matrix."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mine_lightning.data.known_mi.distribution import KnownMI

__all__ = ["Gaussian", "StudentT", "dense", "sparse"]


def sparse(dims: int, rho: float, pairs: int | None = None) -> Tensor:
    """Return the correlation ``[2 dims, 2 dims]`` in which x_i and z_i correlate by rho for the first ``pairs`` i.

    With all pairs it is that of the paper's figure 1: corr(x_i, z_j) is rho where i = j and else 0.
    """
    correlation = torch.eye(2 * dims, dtype=torch.float64)
    for i in range(dims if pairs is None else pairs):
        correlation[i, dims + i] = correlation[dims + i, i] = rho
    return correlation


def dense(dims: int, rho: float) -> Tensor:
    """Return the correlation ``[2 dims, 2 dims]`` in which every coordinate correlates by rho with every other."""
    return torch.full((2 * dims, 2 * dims), rho, dtype=torch.float64).fill_diagonal_(1)


class Gaussian(KnownMI):
    r"""A centred Gaussian; the first ``x_dims`` coordinates are x and the others z.

    .. math:: I = \frac12 \log\frac{|\Sigma_x|\,|\Sigma_z|}{|\Sigma|}

    Args:
        name: what to call it.
        covariance: positive definite ``[x_dims + z_dims, x_dims + z_dims]``.
        x_dims: number of coordinates of x; half of all by default.
    """

    def __init__(self, name: str, covariance: Tensor, x_dims: int | None = None) -> None:
        self._name = name
        self.covariance = covariance.double()
        self.x_dims = len(covariance) // 2 if x_dims is None else x_dims

    @property
    def name(self) -> str:
        return self._name

    @property
    def mi(self) -> float:
        x, z = self.covariance[: self.x_dims, : self.x_dims], self.covariance[self.x_dims :, self.x_dims :]
        return 0.5 * (x.logdet() + z.logdet() - self.covariance.logdet()).item()

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        noise = torch.randn(n, len(self.covariance), generator=generator, dtype=torch.float64)
        both = noise @ torch.linalg.cholesky(self.covariance).T
        return both[:, : self.x_dims], both[:, self.x_dims :]


class StudentT(KnownMI):
    r"""A centred multivariate Student-t: a Gaussian divided by the root of one common chi-square over its degrees.

    Even where nothing correlates x and z share information, for the divisor is common:

    .. math::
        I = I_{Gauss} + c(\nu, m, n), \quad c = f(\nu) + f(\nu + m + n) - f(\nu + m) - f(\nu + n), \quad
        f(a) = \log\Gamma(a/2) - \frac a2 \psi(a/2)

    with m and n the dimensions of x and z. It is what the entropy of a Student-t (Kotz and Nadarajah, Multivariate t
    Distributions and Their Applications, 2004) gives for h(x) + h(z) - h(x, z).

    Args:
        gaussian: the Gaussian before the division; its covariance is the t's dispersion.
        degrees: of freedom, positive; with 1 (Cauchy) no mean exists, with 2 no variance.
    """

    def __init__(self, gaussian: Gaussian, degrees: float) -> None:
        self.gaussian = gaussian
        self.degrees = degrees

    @property
    def name(self) -> str:
        return f"student{self.degrees:g}({self.gaussian.name})"

    @property
    def mi(self) -> float:
        m, both = self.gaussian.x_dims, len(self.gaussian.covariance)
        nu = self.degrees
        correction = _f(nu) + _f(nu + both) - _f(nu + m) - _f(nu + both - m)
        return self.gaussian.mi + correction

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, z = self.gaussian.draw(n, generator)
        shape = torch.full((n, 1), self.degrees / 2, dtype=torch.float64)
        # the only sampler of a gamma in torch that takes a generator
        divisor = (torch._standard_gamma(shape, generator=generator) / (self.degrees / 2)).sqrt()
        return x / divisor, z / divisor


def _f(a: float) -> float:
    return math.lgamma(a / 2) - a / 2 * torch.digamma(torch.tensor(a / 2, dtype=torch.float64)).item()
