"""Encoders and decoder of the information-bottleneck table: vectors in, a code z out, class logits out of z.

An encoder returns a :class:`mine_lightning.types.Code`: one draw of z for each x, and its density where that is known.
Whatever noise makes z a channel stays in evaluation mode. ``stochastic`` says whether two draws differ there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mine_lightning.errors import InputError
from mine_lightning.networks.statistics import GaussianNoise
from mine_lightning.networks.weights import xavier_weights
from mine_lightning.types import Code

__all__ = ["AdditiveEncoder", "DeterministicEncoder", "LinearDecoder", "NormalEncoder", "PropagatedEncoder"]


class DeterministicEncoder(nn.Module):
    """z is a function of x: a perceptron with ReLU, and dropout where asked for.

    Source: the baseline of Alemi et al., Deep Variational Information Bottleneck, ICLR 2017 (784-1024-1024-256);
    dropout as in Pereyra et al., 2017.

    Args:
        inputs: length of x once flattened.
        latent: length of z.
        hidden: width of each hidden layer.
        dropout: probability that a hidden unit is dropped, in training mode.
    """

    stochastic = False

    def __init__(
        self, inputs: int = 784, latent: int = 256, hidden: Sequence[int] = (1024, 1024), dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.body = _perceptron([inputs, *hidden, latent], dropout)

    def forward(self, x: Tensor) -> Code:
        """Return z ``[n, latent]`` of x ``[n, ...]``; it has no density."""
        return Code(self.body(x.flatten(1)))


class NormalEncoder(nn.Module):
    r"""The Gaussian encoder :math:`z = \mu + \sigma \odot \epsilon`, :math:`\sigma = \mathrm{softplus}(\rho - shift)`.

    The shift lets z start almost without noise, at a deviation of about 0.007; without it, 0.69. With noise on the
    input, :math:`q(z|x + noise)` is what is known.

    Source: Alemi et al., Deep Variational Information Bottleneck, ICLR 2017, and its authors' published code.

    Args:
        inputs: length of x once flattened.
        latent: length of z.
        hidden: width of each hidden layer.
        input_noise: standard deviation of Gaussian noise on x, in units of x, in evaluation mode too.
        shift: what is taken from :math:`\rho`; 5 in the published code.
    """

    stochastic = True

    def __init__(
        self,
        inputs: int = 784,
        latent: int = 256,
        hidden: Sequence[int] = (1024, 1024),
        input_noise: float = 0.0,
        shift: float = 5.0,
    ) -> None:
        super().__init__()
        _check_noise(input_noise)
        self.shift = shift
        self.noise = GaussianNoise(input_noise, always=True)
        self.body = _perceptron([inputs, *hidden, 2 * latent])

    def forward(self, x: Tensor) -> Code:
        """Return one draw of z ``[n, latent]`` for each x ``[n, ...]``, and the moments that it was drawn with."""
        moments = self.body(self.noise(x.flatten(1)))
        # under autocast too: a half has no room for the shift
        mean, rho = moments.to(torch.promote_types(moments.dtype, torch.float32)).chunk(2, dim=1)
        std = F.softplus(rho - self.shift)
        z = mean + std * torch.randn_like(mean)
        if not torch.is_autocast_enabled(x.device.type):
            z = z.to(moments.dtype)  # the decoder's own, where the Trainer has made all weights halves
        return Code(z, mean, std)


class AdditiveEncoder(nn.Module):
    r"""The Additive encoder :math:`z = f(x + \sigma \epsilon)`: noise on the input, in evaluation mode too.

    Source: Belghazi et al., ICML 2018, section 5.3; the paper does not give :math:`\sigma`.

    Args:
        inputs: length of x once flattened.
        latent: length of z.
        hidden: width of each hidden layer.
        input_noise: :math:`\sigma`, in units of x.
    """

    stochastic = True

    def __init__(
        self, inputs: int = 784, latent: int = 256, hidden: Sequence[int] = (1024, 1024), input_noise: float = 0.5
    ) -> None:
        super().__init__()
        _check_noise(input_noise)
        self.noise = GaussianNoise(input_noise, always=True)
        self.body = _perceptron([inputs, *hidden, latent])

    def forward(self, x: Tensor) -> Code:
        """Return one draw of z ``[n, latent]`` for each x ``[n, ...]``; its density is not known."""
        return Code(self.body(self.noise(x.flatten(1))))


class PropagatedEncoder(nn.Module):
    r"""The Propagated encoder :math:`z = f([x, \epsilon]),\ \epsilon \sim N(0, I)`: noise beside the input.

    Source: Belghazi et al., ICML 2018, section 5.3; the paper does not give the length of :math:`\epsilon`.

    Args:
        inputs: length of x once flattened.
        latent: length of z.
        hidden: width of each hidden layer.
        noise: length of :math:`\epsilon`, at least 1.
    """

    stochastic = True

    def __init__(
        self, inputs: int = 784, latent: int = 256, hidden: Sequence[int] = (1024, 1024), noise: int = 256
    ) -> None:
        super().__init__()
        if noise < 1:
            raise InputError(f"Expected at least 1 number of noise beside each x but got {noise}; correct noise.")
        self.noise = noise
        self.body = _perceptron([inputs + noise, *hidden, latent])

    def forward(self, x: Tensor) -> Code:
        """Return one draw of z ``[n, latent]`` for each x ``[n, ...]``; its density is not known."""
        flat = x.flatten(1)
        noise = torch.randn(len(flat), self.noise, dtype=flat.dtype, device=flat.device)
        return Code(self.body(torch.cat([flat, noise], dim=1)))


class LinearDecoder(nn.Linear):
    """Class logits ``[n, classes]`` that are linear in z ``[n, latent]``.

    Args:
        latent: length of z.
        classes: number of classes.
    """

    def __init__(self, latent: int = 256, classes: int = 10) -> None:
        super().__init__(latent, classes)
        xavier_weights(self)


def _perceptron(widths: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Return dense layers with ReLU, and dropout, between them; weights start by Xavier's rule, biases at zero."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers[:-2]).apply(xavier_weights)


def _check_noise(std: float) -> None:
    if std < 0:
        raise InputError(f"Expected noise on the input of standard deviation 0 or more but got {std}; correct it.")
