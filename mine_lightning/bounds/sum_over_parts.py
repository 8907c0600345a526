"""The sum of a bound over parts of z, each of which can show as much as all of them together."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from mine_lightning.bounds.bound import Bound
from mine_lightning.bounds.donsker_varadhan import DonskerVaradhan
from mine_lightning.errors import InputError, check_kind

__all__ = ["SumOverParts"]


class SumOverParts(Bound):
    r"""The sum of one bound over parts of z, from a T that scores each part on its own.

    .. math:: \sum_b I(X; Z_b), \qquad Z = (Z_1, \ldots, Z_B)

    No bound shows more than about ln N of N marginal pairs. A code of many numbers that a host is to keep holds more,
    and once T tells a batch's pairs apart it asks for nothing else. Of parts of the code each can show as much.

    Where the parts are independent, as the coordinates of a generator's latents are, the sum is a lower bound of
    I(X; Z), by the chain rule. Where they are not it counts what they share more than once, and is a term to maximise
    rather than a number to report.

    Source: the limit is that of McAllester and Stratos, Formal Limitations on the Measurement of Mutual Information,
    2020; to split the information so that each share stays below it is the way of Sordoni et al., Decomposed Mutual
    Information Estimation, ICML 2021, there by the chain rule over parts of x, with conditional terms, which are not
    taken here.

    Scores have an axis more than the contract says: ``joint`` ``[n, parts]``, ``marginal`` ``[n, k, parts]``, as
    ``GaussianStatistics(parts=...)`` returns them.

    Args:
        parts: B, at least 1.
        bound: of one part, of which each has its own, with its own moving average; Donsker-Varadhan by default.

    Raises:
        InputError: if ``parts`` is below 1 or ``bound`` is none.
    """

    def __init__(self, parts: int, bound: Bound | None = None) -> None:
        super().__init__()
        if parts < 1:
            raise InputError(f"Expected parts >= 1 but got {parts}; with 1 it is the bound itself.")
        fits = bound is None or isinstance(bound, Bound)
        check_kind("bound", "a bound such as DonskerVaradhan()", fits, bound)
        one = DonskerVaradhan() if bound is None else bound
        self.parts = parts
        self.shift_invariant = one.shift_invariant
        self.bounds = nn.ModuleList(copy.deepcopy(one) for _ in range(parts))

    def forward(self, joint: Tensor, marginal: Tensor) -> Tensor:
        return torch.stack([bound(*part) for bound, *part in self._split(joint, marginal)]).sum()

    def objective(self, joint: Tensor, marginal: Tensor) -> Tensor:
        split = self._split(joint, marginal)
        return torch.stack([bound.objective(*part) for bound, *part in split]).sum()

    def ratios(self, marginal: Tensor) -> Tensor:
        """Return each part's shares, ``[n, k, parts]``."""
        pairs = zip(self.bounds, marginal.unbind(dim=-1), strict=True)
        return torch.stack([bound.ratios(part) for bound, part in pairs], dim=-1)  # type: ignore[operator]

    @torch.no_grad()
    def drift(self, marginal: Tensor) -> Tensor | None:
        """Return the drift of the part that is farthest off."""
        found = [
            bound.drift(part)  # type: ignore[operator]
            for bound, part in zip(self.bounds, marginal.unbind(dim=-1), strict=True)
        ]
        if any(one is None for one in found):
            return None
        drifts = torch.stack(found)
        return drifts[drifts.abs().argmax()]

    def limit(self, n: int, k: int) -> float:
        return sum(bound.limit(n, k) for bound in self.bounds)  # type: ignore[operator]

    def contributions(self, joint: Tensor, marginal: Tensor) -> Tensor:
        """Return what each sample contributes by all parts, ``[n]``, since those of one sample are not independent."""
        return torch.stack([bound.contributions(*part) for bound, *part in self._split(joint, marginal)]).sum(dim=0)

    def _split(self, joint: Tensor, marginal: Tensor) -> list[tuple[Bound, Tensor, Tensor]]:
        return list(zip(self.bounds, joint.unbind(dim=-1), marginal.unbind(dim=-1), strict=True))  # type: ignore[arg-type]
