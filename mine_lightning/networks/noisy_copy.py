"""T for a z that is x with noise, by how far z lies from x, for a term that minimises."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.networks.running_moments import RunningMoments, mean_absolute_deviation_squared, standardised

__all__ = ["NoisyCopyStatistics"]


class NoisyCopyStatistics(nn.Module):
    r"""How far z lies from x, in the form of Student's t: each coordinate has its own width and tail.

    .. math:: T(x, z) = -\frac{r}{1 + r / c}, \qquad
              r = \sum_d a_d \log \big(1 + w_d\, (\tilde z_d - \tilde x_d)^2\big)

    For the information of a noisy code :math:`z = \mu(input) + \sigma \epsilon` in its own mean: with :math:`\mu` a
    function of the input, :math:`I(\mu; z) \le I(input; z)`, equal where the noise depends on nothing but :math:`\mu`.
    Meant to be minimised. A T over the input has to learn the encoder first, and lags behind while the term moves the
    encoder; this one is shown what the encoder computed. Two more ways to escape are narrowed:

    * both are measured in the mean absolute deviation of z over the batch, through which the gradient runs: to shrink
      all of z gains nothing, and a few codes far out set the unit less than they would by a variance;
    * a pair that lies far apart counts by the logarithm of its distance, and for :math:`c` at most.

    It reads less than there is, far less where the term is strong: the best T has a shift by x or z alone too, which
    hosts turned against it. To know what a trained code holds, read it with another T.

    It has no constant: for bounds that need none alone, Donsker-Varadhan and InfoNCE.

    A code that starts almost without noise holds so much that no batch shows it: let it start noisy
    (``NormalEncoder(shift=0)``).

    A score depends on the other z of its batch, through their moments alone; in evaluation mode running ones take their
    place.

    Args:
        x_shape: shape of one x, that of z.
        z_shape: shape of one z; both are flattened to d numbers.
        weight: what every :math:`w_d` starts from, above 0.
        power: what every :math:`a_d` starts from, in nats, above 0.
        limit: c, in nats, above 0. No value of Donsker-Varadhan exceeds it; far below it T is -r.

    Raises:
        InputError: if x and z are not of one size, or a number is out of its range.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        z_shape: Sequence[int],
        weight: float = 1.0,
        power: float = 0.05,
        limit: float = 20.0,
    ) -> None:
        super().__init__()
        numbers = math.prod(z_shape)
        if math.prod(x_shape) != numbers:
            raise InputError(
                f"Expected an x of the size of z, whose noisy copy z is, but got shapes {tuple(x_shape)} and "
                f"{tuple(z_shape)}; capture the mean of the code as x, or use MLPStatistics."
            )
        if not all(0 < number < math.inf for number in (weight, power, limit)):
            raise InputError(
                f"Expected weight, power and limit above 0 but got {weight}, {power} and {limit}; correct them."
            )
        self.limit = limit
        self.moments = RunningMoments(numbers, mean_absolute_deviation_squared)
        self.log_weight = nn.Parameter(torch.full((numbers,), math.log(weight)))
        self.log_power = nn.Parameter(torch.full((numbers,), math.log(power)))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        x, z = x.reshape(len(x), -1), z.reshape(len(z), -1)
        mean, spread = self.moments(z)
        apart = standardised(z, mean, spread) - standardised(x, mean, spread)
        ratio = (self.log_power.exp() * torch.log1p(self.log_weight.exp() * apart.square())).sum(dim=1)
        ratio = ratio.clamp(max=torch.finfo(ratio.dtype).max)  # a distance that overflows is the limit, not NaN
        return -ratio / (1 + ratio / self.limit)
