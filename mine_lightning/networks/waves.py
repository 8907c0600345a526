"""Sines and cosines of a vector, by which a perceptron sees what lies close together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError

__all__ = ["Waves"]


class Waves(nn.Module):
    r"""A vector and the sines and cosines of its projections on random directions.

    A perceptron learns slowly what changes over a short distance. Over :math:`\sin(w^\top x)` and
    :math:`\cos(w^\top x)`, with :math:`w \sim N(0, \sigma^2 I)`, it learns it sooner the higher :math:`\sigma` is. The
    directions are drawn once, when the module is made, are not trained, and lie in the checkpoint.

    Source: Rahimi and Recht, NeurIPS 2007; Tancik et al., NeurIPS 2020.

    Args:
        inputs: length of a vector.
        waves: number of directions.
        frequency: :math:`\sigma`, in radians per unit of the vector.

    Raises:
        InputError: if ``waves`` is below 1 or ``frequency`` not above 0.
    """

    directions: Tensor

    def __init__(self, inputs: int, waves: int, frequency: float) -> None:
        super().__init__()
        if waves < 1 or not frequency > 0:
            raise InputError(
                f"Expected waves of at least 1 and a frequency above 0 but got {waves} and {frequency}; correct them, "
                "or leave the waves out."
            )
        self.register_buffer("directions", frequency * torch.randn(inputs, waves))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[n, inputs + 2 * waves]`` of vectors ``[n, inputs]``."""
        projected = x @ self.directions
        return torch.cat([x, projected.sin(), projected.cos()], dim=1)
