"""How many processes share the work, and which of them this is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch.distributed as dist

__all__ = ["alone", "rank", "world_size"]

_ALONE = ContextVar("alone", default=False)


@contextmanager
def alone() -> Iterator[None]:
    """Run a block as if this were the only process: what one process asks for must not wait for the others."""
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


def world_size() -> int:
    """Return the processes of torch.distributed's group; 1 where there is none."""
    return dist.get_world_size() if _grouped() else 1


def rank() -> int:
    """Return this process's number in torch.distributed's group, from 0; 0 where there is none."""
    return dist.get_rank() if _grouped() else 0


def _grouped() -> bool:
    return dist.is_available() and dist.is_initialized() and not _ALONE.get()
