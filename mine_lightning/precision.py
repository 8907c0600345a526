"""Numbers in full precision."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["full"]


def full(tensor: Tensor) -> Tensor:
    """Return a tensor in float32 or better: neither exp, nor a moving average, nor a difference survives bfloat16."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
