"""A statistics network whose two sides never see each other's input, so that all pairs of a batch cost little."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mine_lightning.networks.statistics import GaussianNoise

__all__ = ["BilinearStatistics", "Encoder", "ImageEncoder", "SeparableStatistics", "VectorEncoder", "encoder_for"]

Encoder = Callable[[Sequence[int], int], nn.Module]
"""``(shape, outputs) -> network`` from samples ``[n, *shape]`` to ``[n, outputs]``."""


class VectorEncoder(nn.Module):
    """A multi-layer perceptron with SiLU over a vector, its squared length, and, in few dimensions, cosines of it.

    The squared length is what heavy tails and rotations turn on. The cosines are those of pi k Phi(x), k = 1, 2, ...,
    with Phi the normal distribution function: an orthonormal basis over an x with standard normal margins, without
    which a sharp edge takes long to learn; in three dimensions or more they only help to overfit.

    Args:
        shape: shape of one sample; it is flattened to d numbers, best with standard normal margins.
        outputs: numbers to return.
        hidden: width of each hidden layer; by default two of 128 where there are cosines, else three of 96.
        cosines: number of cosines of all coordinates together, if these are at most two.
    """

    frequencies: Tensor

    def __init__(
        self, shape: Sequence[int], outputs: int, hidden: Sequence[int] | None = None, cosines: int = 16
    ) -> None:
        super().__init__()
        self.dims = math.prod(shape)
        self.waves = cosines // self.dims if self.dims <= 2 else 0
        if hidden is None:  # cosines do a layer's work
            hidden = (128, 128) if self.waves else (96, 96, 96)
        widths = [self.dims * (1 + self.waves) + 1, *hidden]
        layers: list[nn.Module] = []
        for i in range(len(hidden)):
            layers += [nn.Linear(widths[i], widths[i + 1]), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Linear(widths[-1], outputs))
        self.register_buffer("frequencies", math.pi * torch.arange(1.0, self.waves + 1)[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(len(x), -1)
        length = (x.square() - 1).sum(1, keepdim=True) / math.sqrt(2 * self.dims)  # standardised, if x is normal
        if not self.waves:
            return self.body(torch.cat([x, length], dim=1))
        angles = self.frequencies * torch.special.ndtr(x)[:, None]
        return self.body(torch.cat([x, length, angles.cos().flatten(1)], dim=1))


class ImageEncoder(nn.Module):
    """Convolutions of stride 2 with SiLU over images, then one hidden layer.

    Args:
        shape: shape of one image, (channels, height, width).
        outputs: numbers to return.
        channels: feature maps of each layer; every layer halves the image's side.
        hidden: units of the fully connected layer.
        input_noise: standard deviation of Gaussian noise on the pixels, in evaluation mode too; see
            :class:`mine_lightning.networks.ConvStatistics`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        channels: Sequence[int] = (16, 32, 64),
        hidden: int = 128,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.noise = GaussianNoise(input_noise, always=True)
        widths, side = [shape[0], *channels], list(shape[1:])
        self.layers = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], 3, stride=2, padding=1) for i in range(len(channels))
        )
        for _ in channels:
            side = [(pixels + 1) // 2 for pixels in side]
        self.dense = nn.Linear(widths[-1] * math.prod(side), hidden)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.noise(x)
        for layer in self.layers:
            x = F.silu(layer(x))
        return self.last(F.silu(self.dense(x.flatten(1))))


def encoder_for(shape: Sequence[int], outputs: int) -> nn.Module:
    """Return an :class:`ImageEncoder` for images (channels, height, width), else a :class:`VectorEncoder`."""
    return ImageEncoder(shape, outputs) if len(shape) == 3 else VectorEncoder(shape, outputs)


class SeparableStatistics(nn.Module):
    r"""A weighted inner product of what two encoders return, and a shift by each side alone.

    .. math:: T(x, z) = \sum_e w_e f_e(x) g_e(z) + a(x) + b(z) + c

    All n * n pairs of n samples take n passes through f and g and one matrix product (``matrix``), which makes as
    many marginals as the batch has cheap. With a few dozen numbers in the embedding it is a low-rank model of the
    log-density ratio: less prone to overfit than a network over the concatenation where dimensions are many.

    Source: Poole et al., On Variational Bounds of Mutual Information, ICML 2019 (their separable critic); a and b are
    ours: without them even a Gaussian's log-density ratio is out of reach.

    Args:
        x_shape: shape of one x.
        z_shape: shape of one z.
        embedding: numbers that f and g return.
        x_encoder: makes f (and a) from x_shape; by its shape by default.
        z_encoder: makes g (and b) from z_shape; likewise.
    """

    def __init__(
        self,
        x_shape: Sequence[int],
        z_shape: Sequence[int],
        embedding: int = 32,
        x_encoder: Encoder = encoder_for,
        z_encoder: Encoder = encoder_for,
    ) -> None:
        super().__init__()
        self.f, self.g = x_encoder(x_shape, embedding + 1), z_encoder(z_shape, embedding + 1)
        self.output = nn.Linear(embedding, 1)
        nn.init.constant_(self.output.weight, embedding**-0.5)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        f, g = self.f(x), self.g(z)
        return self.output(f[:, :-1] * g[:, :-1]).squeeze(1) + f[:, -1] + g[:, -1]

    def matrix(self, x: Tensor, z: Tensor) -> Tensor:
        """Return T of every x with every z, ``[n of x, n of z]``."""
        f, g = self.f(x), self.g(z)
        # the shifts as two more numbers of the embedding: one product in place of three passes over n * n scores
        left = [f[:, :-1] * self.output.weight[0], f[:, -1:] + self.output.bias, torch.ones_like(f[:, :1])]
        right = [g[:, :-1], torch.ones_like(g[:, :1]), g[:, -1:]]
        return torch.cat(left, dim=1) @ torch.cat(right, dim=1).T


class BilinearStatistics(nn.Module):
    r"""A quadratic form: enough for Gaussians, whatever the rank of their dependence.

    .. math:: T(x, z) = x^\top A z + a^\top [x, x^2] + b^\top [z, z^2] + c

    It starts at zero.

    Args:
        x_shape: shape of one x; it is flattened.
        z_shape: shape of one z; it is flattened.
    """

    def __init__(self, x_shape: Sequence[int], z_shape: Sequence[int]) -> None:
        super().__init__()
        x_dims, z_dims = math.prod(x_shape), math.prod(z_shape)
        self.form = nn.Parameter(torch.zeros(x_dims, z_dims))
        self.a, self.b = (nn.Linear(2 * dims, 1, bias=False) for dims in (x_dims, z_dims))
        self.output = nn.Linear(1, 1)
        for layer in (self.a, self.b):
            nn.init.zeros_(layer.weight)
        nn.init.ones_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        x, z = x.reshape(len(x), -1), z.reshape(len(z), -1)
        score = (x @ self.form * z).sum(1, keepdim=True) + self.a(_squared(x)) + self.b(_squared(z))
        return self.output(score).squeeze(1)

    def matrix(self, x: Tensor, z: Tensor) -> Tensor:
        """Return T of every x with every z, ``[n of x, n of z]``."""
        x, z = x.reshape(len(x), -1), z.reshape(len(z), -1)
        score = x @ self.form @ z.T + self.a(_squared(x)) + self.b(_squared(z)).T
        return score * self.output.weight[0] + self.output.bias


def _squared(x: Tensor) -> Tensor:
    """Return x beside its squares, centred for standard normal x."""
    return torch.cat([x, x.square() - 1], dim=1)
