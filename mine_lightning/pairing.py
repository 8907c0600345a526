"""How samples of the product of marginals are drawn from a batch of joint pairs.

Contract. A pairing is called with the batch size and a generator and returns ``index`` ``[n, k]``, long: sample i of
X is paired with samples ``index[i]`` of Z. No row may hold its own number: such a pair comes from the joint, and a
plain ``randperm`` leaves one among them on average, which lowers the estimate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["AllOthers", "Derangements", "Pairing"]


class Pairing(ABC):
    """Draws partners; the module's first lines state the contract."""

    @abstractmethod
    def __call__(self, n: int, generator: torch.Generator) -> Tensor:
        """Return the index ``[n, k]`` of the partners of each of n samples, on the generator's device."""


class Derangements(Pairing):
    """Pair each x with the z of k other samples; each of the k columns is a permutation without a fixed point.

    A column is a rotation of a random order, so that no sample meets itself. Different columns give a sample different
    partners.

    Args:
        k: partners of a sample, at least 1. More of them lower the noise of the estimate, at T's price for n*k pairs;
            a batch of n has n - 1 to give.

    Raises:
        ValueError: if ``k`` is below 1.
    """

    def __init__(self, k: int = 1) -> None:
        if k < 1:
            raise ValueError(f"Expected k >= 1 partners a sample but got {k}.")
        self.k = k

    def __call__(self, n: int, generator: torch.Generator) -> Tensor:
        """Return the index ``[n, min(k, n - 1)]`` on the generator's device.

        Raises:
            ValueError: if ``n`` < 2, where no derangement exists.
        """
        if n < 2:
            raise ValueError(f"Expected a batch of at least 2 samples but got {n}: one sample has no other partner.")
        device = generator.device
        order = torch.randperm(n, generator=generator, device=device)
        shifts = torch.randperm(n - 1, generator=generator, device=device)[: self.k] + 1
        place = torch.arange(n, device=device)
        index = torch.empty(n, len(shifts), dtype=torch.long, device=device)
        index[order] = order[(place[:, None] + shifts) % n]
        return index


class AllOthers(Pairing):
    """Pair each x with the z of all other samples of the batch, in the order in which they follow; nothing is drawn.

    For a statistics network that scores all pairs of a batch in one product (``matrix``).
    """

    def __call__(self, n: int, generator: torch.Generator) -> Tensor:
        """Return the index ``[n, n - 1]`` on the generator's device.

        Raises:
            ValueError: if ``n`` < 2, where there is no other sample.
        """
        if n < 2:
            raise ValueError(f"Expected a batch of at least 2 samples but got {n}: one sample has no other partner.")
        return _all_others(n, generator.device)


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # what a validation computes first, a training takes up
def _all_others(n: int, device: torch.device) -> Tensor:
    place = torch.arange(n, device=device)
    return (place[:, None] + 1 + place[: n - 1]) % n
