"""T as the log-ratio of a Gaussian around what x says of z, and the standard normal: for codes of many numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.networks.separable import Encoder, encoder_for
from mine_lightning.precision import full

__all__ = ["GaussianStatistics"]


class GaussianStatistics(nn.Module):
    r"""The log of a Gaussian z given x over a standard normal z.

    .. math:: T(x, z) = \log \frac{N(z;\, \mu(x), \mathrm{diag}\,\sigma(x)^2)}{N(z;\, 0, I)}

    With :math:`\mu` and :math:`\sigma` right it is the best T there is for a z that is Gaussian given x and standard
    normal over all x, as the latent vector of a VAE or ALI is meant to be. A general T learns no more of such a z than
    tells a batch's pairs apart, about the log of their number; this one asks for every coordinate, and where T is
    maximised every coordinate is pulled to what x says of it. All n * n pairs take one pass over x and two matrix
    products (``matrix``).

    Source: the family of :math:`q(z|x)` of Barber and Agakov, The IM Algorithm, NeurIPS 2003, as T of a bound by
    Donsker and Varadhan, which asks for no normalised density.

    Args:
        x_shape: shape of one x.
        z_shape: shape of one z; it is flattened to d numbers, best with mean 0 and variance 1
            (:class:`mine_lightning.networks.StandardisedStatistics`).
        x_encoder: makes the network from x_shape to 2 d numbers, the means and what a sigmoid turns into deviations
            between ``least`` and 1; by its shape by default.
        parts: None for one score a pair; else scores ``[n, parts]``, each of a run of d / parts coordinates, for
            :class:`mine_lightning.bounds.SumOverParts`.
        least: of sigma, so that what x tells exactly does not make T infinite; above 0 and below 1, which sigma can't
            pass.

    Raises:
        InputError: if ``least`` is not, ``parts`` does not divide d, or ``x_encoder`` returns another number than
            asked for.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        z_shape: Sequence[int],
        x_encoder: Encoder = encoder_for,
        least: float = 0.1,
        parts: int | None = None,
    ) -> None:
        super().__init__()
        if not 0 < least < 1:
            raise InputError(f"Expected least, of a standard deviation, between 0 and 1 but got {least}; correct it.")
        self.least = least
        self.numbers = math.prod(z_shape)
        if parts is not None and (parts < 1 or self.numbers % parts):
            raise InputError(
                f"Expected parts to divide the {self.numbers} numbers of z but got {parts}; choose another."
            )
        self.parts = parts
        self.f = x_encoder(x_shape, 2 * self.numbers)

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the standard deviation of z given x, each ``[n, d]``."""
        found = self.f(x)
        if found.shape != (len(x), 2 * self.numbers):
            raise InputError(
                f"Expected x_encoder to return {2 * self.numbers} numbers for each x but {len(x)} samples gave the "
                f"shape {list(found.shape)}; make its last layer as wide as its second argument says."
            )
        mean, share = full(found).chunk(2, dim=1)
        return mean, self.least + (1 - self.least) * torch.sigmoid(share)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        mean, std = self.moments(x)
        z = z.reshape(len(z), -1)
        each = 0.5 * z.square() - 0.5 * ((z - mean) / std).square() - std.log()
        return each.sum(dim=1) if self.parts is None else each.unflatten(1, (self.parts, -1)).sum(dim=2)

    def matrix(self, x: Tensor, z: Tensor) -> Tensor:
        """Return T of every x with every z, ``[n of x, n of z]``, where there are ``parts`` with these last."""
        mean, std = self.moments(x)
        with torch.autocast(x.device.type, enabled=False):  # the terms are far larger than their sum
            return self._pairs(mean, std, full(z.reshape(len(z), -1)))

    def _pairs(self, mean: Tensor, std: Tensor, z: Tensor) -> Tensor:
        precision = std.square().reciprocal()
        alone = -0.5 * mean.square() * precision - std.log()
        if self.parts is None:
            return alone.sum(dim=1)[:, None] + (mean * precision) @ z.T + 0.5 * (1 - precision) @ z.square().T
        alone, linear, square, z = (
            side.unflatten(1, (self.parts, -1)).movedim(1, 0)  # [parts, n, d / parts], for one product a part
            for side in (alone, mean * precision, 0.5 * (1 - precision), z)
        )
        pairs = alone.sum(dim=2)[:, :, None] + linear @ z.mT + square @ z.square().mT
        return pairs.movedim(0, -1)
