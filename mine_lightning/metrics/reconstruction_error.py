r"""How far a reconstruction is from its image: :math:`E_x \|x - \hat x\|_2` on pixels in [-1, 1].

The norm is over all pixels and channels of an image, not squared and not divided by their number; the mean is over
images. Belghazi et al., ICML 2018, table 2 does not define its "euclidean reconstruction error"; of the usual
definitions this is the one whose scale fits the published numbers: 14.4 is what MNIST's mean image scores.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["ReconstructionError", "reconstruction_errors"]


def reconstruction_errors(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Return the Euclidean distance ``[n]``, float32, of images and their reconstructions ``[n, ...]``.

    Raises:
        ValueError: if the shapes differ.
    """
    if x.shape != reconstruction.shape:
        raise ValueError(
            f"Expected a reconstruction for each image but got shapes {list(x.shape)} and {list(reconstruction.shape)}."
        )
    return (x.float() - reconstruction.float()).flatten(1).norm(dim=1)


class ReconstructionError(Metric):
    """Mean Euclidean distance of images and their reconstructions; NaN where there is none.

    Examples:
        >>> import torch
        >>> metric = ReconstructionError()
        >>> metric.update(torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2))
        >>> metric.compute()
        tensor(2.)
    """

    is_differentiable = True
    full_state_update = False
    higher_is_better = False
    plot_lower_bound = 0.0
    distance: Tensor
    total: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("distance", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, x: Tensor, reconstruction: Tensor) -> None:
        """Add images ``[n, ...]`` and their reconstructions, pixels in [-1, 1].

        Raises:
            ValueError: if the shapes differ.
        """
        self.distance += reconstruction_errors(x, reconstruction).sum()
        self.total += len(x)

    def compute(self) -> Tensor:
        return self.distance / self.total
