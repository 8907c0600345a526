"""Numbers below the normal floats, taken for zero or kept.

What dies out, as Adam's squares of a gradient that no longer comes, passes through them for thousands of steps, and a
processor takes a hundred cycles for one: a long training on a CPU becomes slower and slower. Nothing that trains is
that small and counts; data may be, so an estimate keeps them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["flushed_denormals", "kept_denormals"]


@contextlib.contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers below 1.2e-38 for zero on the CPU, where it can, in this thread until the end.

    Threads that it starts do so for good: torch's own are started by the first large operation and stay, so this
    comes before, in a process that trains and ends.
    """
    with _denormals(flushed=True):
        yield


@contextlib.contextmanager
def kept_denormals() -> Iterator[None]:
    """Keep them in this thread until the end, and in those that it starts, whatever was set before."""
    with _denormals(flushed=False):
        yield


@contextlib.contextmanager
def _denormals(flushed: bool) -> Iterator[None]:
    before = _flushed()
    torch.set_flush_denormal(flushed)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushed() -> bool:
    smallest = torch.tensor(1, dtype=torch.int32).view(torch.float32)  # by its bits: a conversion may flush it
    return (smallest * 1).view(torch.int32).item() == 0
