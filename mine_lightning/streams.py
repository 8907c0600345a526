"""Random numbers of one's own, beside the global stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["evaluation_seed", "private_stream"]


def evaluation_seed(host: Any, batch_idx: int, stream: int) -> int:
    """Return a number of its own, below 2**31, for each batch of an evaluation, each process and each stream.

    Args:
        host: a LightningModule on a Trainer.
        batch_idx: of the evaluation.
        stream: 0 in validation, 1 in the test.
    """
    return (batch_idx * host.trainer.world_size + host.global_rank) * 2 + stream


@contextmanager
def private_stream(device: torch.device, seed: int) -> Iterator[None]:
    """Run a block on random streams from a seed, on the CPU and on ``device``; no global one moves.

    ``torch.manual_seed`` would seed every other GPU too, which the fork does not give back.
    """
    cuda = [device.index if device.index is not None else torch.cuda.current_device()] if device.type == "cuda" else []
    # without a device type it looks for accelerators, which takes as long as a small network
    with torch.random.fork_rng(devices=cuda, device_type="cuda"):
        torch.default_generator.manual_seed(seed)
        for index in cuda:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
