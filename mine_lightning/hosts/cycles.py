"""The explicit cycle losses of ALICE: what is asked of an image and its reconstruction."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import ZeroCentredPenalty, generator_loss, sample_loss
from mine_lightning.types import ModuleFactory

__all__ = ["AdversarialCycle", "Cycle", "SquaredCycle"]


class Cycle(nn.Module, ABC):
    r"""What encoder and decoder descend beside ALI's loss, and what of it is trained in the discriminator's turn.

    Args:
        weight: lambda, of the loss in the generator's turn.

    Raises:
        InputError: if it is negative.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        if weight < 0:
            raise InputError(f"Expected weight >= 0 of a cycle loss but got {weight}; correct it.")
        self.weight = weight

    @abstractmethod
    def forward(self, x: Tensor, again: Tensor) -> Tensor:
        """Return what encoder and decoder descend, without its weight, a scalar.

        Args:
            x: images ``[n, c, h, w]``.
            again: their reconstructions.
        """

    def own_loss(self, x: Tensor, again: Tensor, penalty: ZeroCentredPenalty | None, batch_idx: int) -> Tensor:
        """Return what the cycle's own parameters descend in the discriminator's turn: 0 where it has none.

        Args:
            x: images ``[n, c, h, w]``.
            again: their reconstructions; no gradient goes back to them.
            penalty: on a discriminator of its own, or None.
            batch_idx: of the epoch.
        """
        return torch.zeros((), device=x.device)


class SquaredCycle(Cycle):
    r"""The squared distance, :math:`E_x\, \mathrm{mean}\,(x - \hat x)^2`: ALICE(l2).

    The mean is over the pixels of an image, as in the authors' code; it is the squared distance over their number.

    Source: Li et al., ALICE: Towards Understanding Adversarial Learning for Joint Distribution Matching, NeurIPS 2017,
    section 3.2, with the cycle of x alone.

    Args:
        weight: lambda; 1 was the best of 0.01 to 100 in the paper's sweep on MNIST.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight)

    def forward(self, x: Tensor, again: Tensor) -> Tensor:
        """Return the mean squared difference of a pixel, a scalar."""
        return (x - again).float().square().mean()


class AdversarialCycle(Cycle):
    r"""A second discriminator eta that tells (x, x) from (x, x's reconstruction): ALICE(Adv.).

    With the logit eta positive where it takes the second image for the first itself, it descends, in the
    discriminator's turn,

    .. math:: E_x\,\mathrm{softplus}(-\eta(x, x)) + E_x\,\mathrm{softplus}(\eta(x, \hat x)),
              \quad \hat x = G(E(x)),

    and encoder and decoder descend :math:`E_x\,\mathrm{softplus}(-\eta(x, \hat x))`. The two images are stacked on the
    channel axis.

    Source: as :class:`SquaredCycle`.

    Args:
        discriminator: callable from a number of channels, ``2 * channels``, to eta.
        channels: of one image.
        weight: lambda.

    Raises:
        InputError: if ``channels`` is below 1.
    """

    def __init__(self, discriminator: ModuleFactory, channels: int = 3, weight: float = 1.0) -> None:
        super().__init__(weight)
        if channels < 1:
            raise InputError(f"Expected images of 1 channel or more but got channels {channels}; correct it.")
        self.eta = discriminator(2 * channels)

    def forward(self, x: Tensor, again: Tensor) -> Tensor:
        """Return how little eta takes the reconstructions for the images themselves, a scalar."""
        return generator_loss(self.eta(torch.cat([x, again], dim=1)))

    def own_loss(self, x: Tensor, again: Tensor, penalty: ZeroCentredPenalty | None, batch_idx: int) -> Tensor:
        """Return what eta descends: its loss and, where this batch is its turn, a penalty in both images of (x, x)."""
        return sample_loss(self.eta, torch.cat([x, x], dim=1), torch.cat([x, again], dim=1), penalty, batch_idx)
