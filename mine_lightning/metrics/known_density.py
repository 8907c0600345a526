r"""I(x; z) between two bounds, where the density q(z|x) of a code is known: a diagonal Gaussian.

With N pairs :math:`(x_i, z_i)` and the mixture of their densities in place of the unknown marginal of z,

.. math:: \hat I_{lower} = \frac1N \sum_i \log \frac{q(z_i|x_i)}{\frac1N \sum_j q(z_i|x_j)} \le \log N, \qquad
          \hat I_{upper} = \frac1N \sum_i \log \frac{q(z_i|x_i)}{\frac1{N-1} \sum_{j \ne i} q(z_i|x_j)},

in expectation :math:`\hat I_{lower} \le I(x; z) \le \hat I_{upper}`. No network is trained. Where densities hardly
overlap, the lower one sits at log N and says no more than that I is at least that, and the upper one is far too high.

Source: Poole et al., On Variational Bounds of Mutual Information, ICML 2019: the leave-one-out upper bound, and InfoNCE
with the known conditional as its critic.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

__all__ = ["KnownDensityInformation", "known_density_bounds", "log_densities"]

_LEAST = 1e-30  # standard deviation: below it, or at 0, the code has no noise, and the upper bound no end
_ROWS = 1000  # of the matrix of N x N densities that are in memory at once


def log_densities(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return log q(z_i|x_j) in nats, ``[n, m]`` float64, of codes ``[n, latent]`` and moments ``[m, latent]``."""
    # by products of matrices in float64: z / std is in the hundreds where a code has hardly any noise
    z, mean, precision = z.double(), mean.double(), std.double().clamp_min(_LEAST).square().reciprocal()
    # what all codes have in common would drown their differences where there is hardly any noise; of a dimension that
    # tells nothing it is all there is
    z, mean = z - mean[:1], mean - mean[:1]
    distance = z.square() @ precision.T - 2 * z @ (mean * precision).T + (mean.square() * precision).sum(dim=1)
    # rounding may take it below 0 where there is hardly any noise
    return -0.5 * (distance.clamp_min(0) + (math.log(2 * math.pi) - precision.log()).sum(dim=1))


def _own_log_densities(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return log q(z_i|x_i), ``[n]``: the small difference of z and its own mean is lost in products of matrices."""
    # not validated: a code that has diverged is to be logged as NaN
    density = Normal(mean.double(), std.double().clamp_min(_LEAST), validate_args=False)
    return density.log_prob(z.double()).sum(dim=1)


def known_density_bounds(z: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each sample what it adds to the lower and to the upper bound, nats, each ``[n]`` float64.

    Args:
        z: one draw for each x, ``[n, latent]``, n at least 2.
        mean: of q(z|x), ``[n, latent]``.
        std: of q(z|x), ``[n, latent]``.

    Raises:
        ValueError: if the shapes differ or there are fewer than 2 samples.
    """
    if z.ndim != 2 or z.shape != mean.shape or z.shape != std.shape or len(z) < 2:
        raise ValueError(
            "Expected z, mean and std [n, latent] of the same 2 samples or more but got "
            f"{list(z.shape)}, {list(mean.shape)} and {list(std.shape)}."
        )
    n, lower, upper = len(z), [], []
    for start in range(0, n, _ROWS):
        part = slice(start, start + _ROWS)
        own = _own_log_densities(z[part], mean[part], std[part])
        rows = log_densities(z[part], mean, std).diagonal_scatter(own, start)
        lower.append(own - torch.logsumexp(rows, dim=1) + math.log(n))
        others = rows.diagonal_scatter(torch.full_like(own, -math.inf), start)
        upper.append(own - torch.logsumexp(others, dim=1) + math.log(n - 1))
    return torch.cat(lower), torch.cat(upper)


class KnownDensityInformation(Metric):
    """Bounds on I(x; z) from all samples that it was updated with, as a dict of scalars.

    ======================  ===================================================================================
    ``mi_lower``            the lower bound, nats
    ``mi_lower_stderr``     its standard error over samples
    ``mi_upper``            the leave-one-out upper bound, nats
    ``mi_upper_stderr``     its standard error over samples
    ``mi_limit``            log N, which the lower bound can't exceed; near it neither bound is informative
    ======================  ===================================================================================

    Empty where there are fewer than 2 samples. The work grows with the square of their number: a few seconds on one
    core for 10,000 codes of 256 numbers.

    Examples:
        >>> import torch
        >>> metric = KnownDensityInformation()
        >>> metric.update(torch.zeros(4, 1), torch.zeros(4, 1), torch.ones(4, 1))  # z tells nothing of x
        >>> metric.compute()["mi_upper"]
        tensor(0.)
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = None
    z: list[Tensor]
    mean: list[Tensor]
    std: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("z", "mean", "std"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, z: Tensor, mean: Tensor, std: Tensor) -> None:
        """Take codes and the moments that they were drawn with, each ``[n, latent]``.

        Raises:
            ValueError: if the shapes differ.
        """
        if z.ndim != 2 or z.shape != mean.shape or z.shape != std.shape:
            raise ValueError(
                "Expected z, mean and std, each [n, latent], but got "
                f"{list(z.shape)}, {list(mean.shape)} and {list(std.shape)}."
            )
        for state, value in ((self.z, z), (self.mean, mean), (self.std, std)):
            state.append(value.detach())

    def compute(self) -> dict[str, Tensor]:
        # one tensor once the processes have met, a list before
        z, mean, std = (dim_zero_cat(state) if len(state) else None for state in (self.z, self.mean, self.std))
        if z is None or mean is None or std is None or len(z) < 2:
            return {}
        found: dict[str, Tensor] = {}
        bounds = known_density_bounds(z, mean, std)
        for name, values in zip(("mi_lower", "mi_upper"), bounds, strict=True):
            found[name] = values.mean().float()
            found[f"{name}_stderr"] = (values.std() / math.sqrt(len(values))).float()
        return {**found, "mi_limit": torch.tensor(math.log(len(bounds[0])), device=bounds[0].device).float()}
