"""What a reconstruction keeps of its image's labels, as a trained judge reads them off both.

Source: Belghazi et al., ICML 2018, table 2, "reconstruction accuracy"; the paper leaves open which labels it means on
CelebA, and with several labels an image this is the mean share of them that are kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["LabelAgreement", "labels_kept"]


def labels_kept(labels: Tensor, of_reconstruction: Tensor) -> Tensor:
    """Return the number of labels that are equal, a scalar.

    Args:
        labels: of the images, ``[n]``, or ``[n, k]`` for k labels an image.
        of_reconstruction: of their reconstructions, likewise.

    Raises:
        ValueError: if the shapes differ.
    """
    if labels.shape != of_reconstruction.shape:
        raise ValueError(
            "Expected as many labels of reconstructions as of images but got shapes "
            f"{list(labels.shape)} and {list(of_reconstruction.shape)}."
        )
    return (labels == of_reconstruction).sum()


class LabelAgreement(Metric):
    """Share of labels, 0 to 1, that are the same for an image and its reconstruction; NaN where there is none.

    Examples:
        >>> import torch
        >>> metric = LabelAgreement()
        >>> metric.update(torch.tensor([3, 1, 4, 1]), torch.tensor([3, 1, 5, 1]))
        >>> metric.compute()
        tensor(0.7500)
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    kept: Tensor
    total: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("kept", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, labels: Tensor, of_reconstruction: Tensor) -> None:
        """Add labels ``[n]`` or ``[n, k]`` of images and of their reconstructions.

        Raises:
            ValueError: if the shapes differ.
        """
        self.kept += labels_kept(labels, of_reconstruction)
        self.total += labels.numel()

    def compute(self) -> Tensor:
        return self.kept / self.total
