"""The share of wrong labels in percent, and how sure a number of samples makes it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["ErrorPercent", "ErrorPercentStderr", "binomial_stderr"]


def binomial_stderr(share: Tensor, total: Tensor) -> Tensor:
    r"""Return :math:`\sqrt{p(1 - p) / n}`, the standard error of a share p of n independent samples."""
    return (share * (1 - share) / total).sqrt()


class _CountsWrong(Metric):
    """Counts wrong labels; ``update`` takes scores ``[n, classes]``, larger for likelier, and labels ``[n]``."""

    is_differentiable = False
    full_state_update = False
    higher_is_better = False
    plot_lower_bound = 0.0
    wrong: Tensor
    total: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("wrong", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Count samples; one whose scores are not finite is wrong.

        Raises:
            ValueError: if the shapes do not fit.
        """
        if scores.ndim != 2 or labels.shape != scores.shape[:1]:
            raise ValueError(
                f"Expected scores [n, classes] and labels [n] but got {list(scores.shape)} and {list(labels.shape)}."
            )
        right = (scores.argmax(dim=1) == labels) & scores.isfinite().all(dim=1)
        self.wrong += (~right).sum()
        self.total += len(labels)

    @property
    def share(self) -> Tensor:
        """Share of wrong labels, 0 to 1, float64; NaN where there is no sample."""
        return self.wrong.double() / self.total


class ErrorPercent(_CountsWrong):
    """Wrong labels in percent.

    Examples:
        >>> import torch
        >>> metric = ErrorPercent()
        >>> metric.update(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([0, 0]))
        >>> metric.compute()
        tensor(50.)
    """

    plot_upper_bound = 100.0

    def compute(self) -> Tensor:
        return (100 * self.share).float()


class ErrorPercentStderr(_CountsWrong):
    """Binomial standard error of the wrong labels in percent.

    Examples:
        >>> import torch
        >>> metric = ErrorPercentStderr()
        >>> metric.update(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([0, 0]))
        >>> metric.compute()
        tensor(35.3553)
    """

    def compute(self) -> Tensor:
        return (100 * binomial_stderr(self.share, self.total)).float()
