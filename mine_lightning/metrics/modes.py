"""How many modes a generator covers, and how evenly.

Source: Srivastava et al., VEEGAN, NeurIPS 2017, section 4.2; Lin et al., PacGAN, NeurIPS 2018. A mode counts once one
sample falls into it; the divergence is taken from the generated distribution to the uniform one, with natural
logarithms and plain frequencies. Even a perfect generator scores above 0 with N samples, by
(modes - 1) / 2N to first order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["ModeCount", "ModeKL", "kl_from_uniform", "mode_count"]


def mode_count(counts: Tensor) -> Tensor:
    """Return the number of modes with at least one sample, from samples per mode ``[modes]``."""
    return (counts > 0).sum()


def kl_from_uniform(counts: Tensor) -> Tensor:
    r"""Return :math:`KL(p \,\|\, \mathrm{uniform}) = \sum_k p_k \log(p_k K)` in nats, from samples per mode ``[K]``.

    NaN where there is no sample.
    """
    p = counts.cpu().double()  # Apple's GPUs have no float64
    p = p / p.sum()
    return torch.special.xlogy(p, p * len(counts)).sum().float().to(counts.device)


class _ModeMetric(Metric):
    """Counts samples per mode; ``update`` takes the mode of each sample ``[n]``, long in 0 to num_modes - 1."""

    is_differentiable = False
    full_state_update = False
    counts: Tensor

    def __init__(self, num_modes: int = 1000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_modes < 1:
            raise ValueError(f"Expected num_modes >= 1 but got {num_modes}.")
        self.num_modes = num_modes
        self.add_state("counts", torch.zeros(num_modes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, modes: Tensor) -> None:
        """Count samples by their mode.

        Raises:
            ValueError: if a mode lies outside 0 to num_modes - 1.
        """
        if len(modes) and (modes.min() < 0 or modes.max() >= self.num_modes):
            raise ValueError(
                f"Expected modes from 0 to {self.num_modes - 1} but got {modes.min().item()} to {modes.max().item()}."
            )
        self.counts += torch.bincount(modes, minlength=self.num_modes)


class ModeCount(_ModeMetric):
    """Number of modes that the samples fall into.

    Args:
        num_modes: number of modes of the data, 1000 for stacked MNIST.

    Examples:
        >>> import torch
        >>> metric = ModeCount(num_modes=4)
        >>> metric.update(torch.tensor([0, 0, 3]))
        >>> metric.compute()
        tensor(2.)
    """

    higher_is_better = True
    plot_lower_bound = 0.0

    def compute(self) -> Tensor:
        return mode_count(self.counts).float()


class ModeKL(_ModeMetric):
    """KL divergence in nats from the samples' distribution over modes to the uniform one; 0 is best.

    Args:
        num_modes: number of modes of the data, 1000 for stacked MNIST.

    Examples:
        >>> import torch
        >>> metric = ModeKL(num_modes=4)
        >>> metric.update(torch.tensor([0, 0, 3, 3]))
        >>> metric.compute()
        tensor(0.6931)
    """

    higher_is_better = False
    plot_lower_bound = 0.0

    def compute(self) -> Tensor:
        return kl_from_uniform(self.counts)
