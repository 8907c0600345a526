"""T over standardised codes: what the units of z are must not decide what T can see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mine_lightning.networks.running_moments import RunningMoments, standardised
from mine_lightning.types import StatisticsFactory, scores_all_pairs

__all__ = ["StandardisedStatistics"]


class StandardisedStatistics(nn.Module):
    r"""Another statistics network that is shown each coordinate of z with mean 0 and variance 1 over the batch.

    :math:`I(x; z)` does not change when a coordinate of z is shifted or scaled; a T with noise on its input does read
    less of a small z. A host that minimises the term can shrink z until that noise hides it, with as much information
    in it as before. Here that gains nothing, for the gradient runs through the batch's mean and variance.

    A score depends on the other z of its batch, through these moments alone. The joint and the marginal pairs of a
    batch hold the same z, and share them. In evaluation mode running moments take their place; each process has those
    of its own batches. A batch that is not finite leaves them as they are.

    A coordinate whose variance is below 1e-5 of the mean over all coordinates stays the smaller, so that rounding is
    not blown up; z times any number is the same z.

    Args:
        x_shape: shape of one x.
        z_shape: shape of one z; it is flattened.
        network: makes the network that scores (x, standardised z) from the two shapes.
        momentum: weight of a batch in the running moments; the first ones weigh the same.
    """

    def __init__(
        self, x_shape: Sequence[int], z_shape: Sequence[int], network: StatisticsFactory, momentum: float = 0.01
    ) -> None:
        super().__init__()
        numbers = math.prod(z_shape)
        self.moments = RunningMoments(numbers, momentum=momentum)
        self.network = network(tuple(x_shape), (numbers,))
        if scores_all_pairs(self.network):
            self.matrix = self._matrix

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.network(x, self._standardised(z))

    def _matrix(self, x: Tensor, z: Tensor) -> Tensor:
        return self.network.matrix(x, self._standardised(z))  # type: ignore[operator]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name in ("mean", "variance", "batches"):  # where checkpoints had them before RunningMoments
            if prefix + name in state_dict:
                state_dict[f"{prefix}moments.{name}"] = state_dict.pop(prefix + name)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _standardised(self, z: Tensor) -> Tensor:
        z = z.reshape(len(z), -1)  # a z of one number a sample has no axis to flatten
        return standardised(z, *self.moments(z))
