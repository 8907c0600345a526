"""How weights start."""

from __future__ import annotations

from torch import nn

__all__ = ["dcgan_weights", "xavier_weights"]


def dcgan_weights(module: nn.Module) -> None:
    """Draw a layer's weights from N(0, 0.02) and set its bias to zero; for ``Module.apply`` (Radford et al., 2016)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def xavier_weights(module: nn.Module) -> None:
    """Draw a dense layer's weights uniformly by Glorot and Bengio (2010) and set its bias to zero."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
