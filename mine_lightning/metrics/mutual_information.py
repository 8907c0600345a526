"""Held-out mutual information of a trained statistics network, over batches and processes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from mine_lightning.bounds.bound import log_mean_exp
from mine_lightning.precision import full

__all__ = ["MutualInformation", "mutual_information"]


def mutual_information(joint: Tensor, marginal: Tensor) -> Tensor:
    """Return the Donsker-Varadhan value in nats of scores ``[n]`` and ``[n, k]``, those of this process alone."""
    # not by the bound itself, which reads the log-mean over all processes; torchmetrics has gathered them by now
    return full(joint).mean() - log_mean_exp(full(marginal))


class MutualInformation(Metric):
    r"""The Donsker-Varadhan bound in nats on all pairs that it was updated with, of a T that does not change meanwhile.

    The log of a mean is taken once, over the pairs of all batches and processes: the mean of the batches' values would
    be higher than the bound. Feed it pairs that T was not trained on: ``metric.update(*mine.scores(x, z))`` with a
    :class:`mine_lightning.MINE` in evaluation mode; NaN where there is none. Beside torchmetrics'
    ``MutualInfoScore``, which is for labels.

    Two numbers are kept for each pair. Samples count alike, however many marginals each has.

    Source: Belghazi et al., Mutual Information Neural Estimation, ICML 2018, equation 10.

    Examples:
        >>> import torch
        >>> metric = MutualInformation()
        >>> metric.update(torch.tensor([1.0, 1.0]), torch.zeros(2, 3))
        >>> metric.compute()
        tensor(1.)
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    joint: list[Tensor]
    log_means: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("joint", [], dist_reduce_fx="cat")
        self.add_state("log_means", [], dist_reduce_fx="cat")

    def update(self, joint: Tensor, marginal: Tensor) -> None:
        """Take T's scores on joint pairs ``[n]`` and on k marginal pairs for each, ``[n, k]``.

        Raises:
            ValueError: if the shapes do not fit.
        """
        if joint.ndim != 1 or marginal.ndim != 2 or len(joint) != len(marginal):
            raise ValueError(
                f"Expected scores [n] and [n, k] but got {list(joint.shape)} and {list(marginal.shape)}; "
                "MINE.scores returns them."
            )
        if len(joint) == 0:  # as of a process whose share of the data is none
            return
        self.joint.append(joint.detach().float())
        self.log_means.append(torch.logsumexp(marginal.detach().float(), dim=1) - math.log(marginal.shape[1]))

    def compute(self) -> Tensor:
        if len(self.joint) == 0:
            return torch.tensor(math.nan, device=self.device)
        return mutual_information(dim_zero_cat(self.joint), dim_zero_cat(self.log_means)[:, None])
