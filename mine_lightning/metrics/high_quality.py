"""Modes captured and the share of high-quality samples, where the modes' centres are known.

A sample is of high quality if it lies within three standard deviations of the nearest centre; a mode is captured if a
sample of high quality is nearest to it. Of 2,500 samples of the true 25 Gaussians 1 - exp(-9/2) = 98.9% count.

Source: Srivastava et al., VEEGAN, NeurIPS 2017, section 4.1; likewise Lin et al., PacGAN, NeurIPS 2018.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["HighQualityShare", "ModesCaptured", "high_quality_counts"]


def high_quality_counts(samples: Tensor, centres: Tensor, std: float, radius: float = 3.0) -> Tensor:
    """Return how many samples of high quality are nearest to each centre, ``[modes]``.

    Args:
        samples: ``[n, d]``; one that is not finite is of no quality.
        centres: of the modes, ``[modes, d]``.
        std: standard deviation of a mode.
        radius: how far from its centre a sample may lie, in standard deviations.
    """
    # not by way of a matrix product: its rounding is as large as a narrow mode
    distances = torch.cdist(samples.to(centres.dtype), centres, compute_mode="donot_use_mm_for_euclid_dist")
    distance, nearest = distances.min(dim=1)
    return torch.bincount(nearest[distance <= radius * std], minlength=len(centres))


class _MixtureMetric(Metric):
    """Counts samples of high quality by their mode; ``update`` takes samples ``[n, d]``.

    Args:
        centres: of the modes, ``[modes, d]``.
        std: standard deviation of a mode.
        radius: how far from its centre a sample may lie, in standard deviations; three by VEEGAN's rule.
    """

    is_differentiable = False
    full_state_update = False
    higher_is_better = True
    plot_lower_bound = 0.0
    centres: Tensor
    counts: Tensor
    total: Tensor

    def __init__(self, centres: Tensor, std: float, radius: float = 3.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if centres.ndim != 2 or std <= 0 or radius <= 0:
            raise ValueError(
                "Expected centres [modes, d], a positive std and radius but got shape "
                f"{list(centres.shape)}, {std} and {radius}."
            )
        self.std = std
        self.radius = radius
        self.register_buffer("centres", centres, persistent=False)
        self.add_state("counts", torch.zeros(len(centres), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, samples: Tensor) -> None:
        """Count samples.

        Raises:
            ValueError: if they are no vectors of the centres' length.
        """
        if samples.ndim != 2 or samples.shape[1] != self.centres.shape[1]:
            raise ValueError(
                f"Expected samples [n, {self.centres.shape[1]}], as the centres are, but got {list(samples.shape)}."
            )
        self.counts += high_quality_counts(samples, self.centres, self.std, self.radius)
        self.total += len(samples)


class ModesCaptured(_MixtureMetric):
    """Number of modes that have a sample of high quality.

    Examples:
        >>> import torch
        >>> metric = ModesCaptured(centres=torch.tensor([[0.0, 0.0], [1.0, 0.0]]), std=0.1)
        >>> metric.update(torch.tensor([[0.05, 0.0], [0.5, 0.0]]))
        >>> metric.compute()
        tensor(1.)
    """

    def compute(self) -> Tensor:
        return (self.counts > 0).sum().float()


class HighQualityShare(_MixtureMetric):
    """Share of samples that are of high quality, 0 to 1; NaN where there is no sample.

    Examples:
        >>> import torch
        >>> metric = HighQualityShare(centres=torch.tensor([[0.0, 0.0], [1.0, 0.0]]), std=0.1)
        >>> metric.update(torch.tensor([[0.05, 0.0], [0.5, 0.0]]))
        >>> metric.compute()
        tensor(0.5000)
    """

    plot_upper_bound = 1.0

    def compute(self) -> Tensor:
        return self.counts.sum() / self.total
