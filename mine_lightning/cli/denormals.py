"""Numbers below the normal floats, taken for zero.

What dies out, as Adam's squares of a gradient that no longer comes, passes through them for thousands of steps, and a
processor takes a hundred cycles for one: a long training on a CPU becomes slower and slower. Nothing that trains is
that small and counts; data may be, so an estimate keeps them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["flushed_denormals"]


@contextlib.contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers below 1.2e-38 for zero on the CPU, where it can, until the end.

    It holds for the calling thread and for those that it starts: torch's own are started by the first large operation
    and stay, so this comes before.
    """
    before = _flushed()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushed() -> bool:
    smallest = torch.tensor(1, dtype=torch.int32).view(torch.float32)  # by its bits: a conversion may flush it
    return (smallest * 1).view(torch.int32).item() == 0
