"""What the processes of one run decide and average together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from pytorch_lightning import Trainer
from torch import Tensor

from mine_lightning.regularizer.once import Once

__all__ = ["Ranks", "tell_of_lost_processes"]


class Ranks:
    """The processes that train one model together; with one process everything here is free.

    Whether a batch has a term must be decided by all processes at once: a collective that one of them leaves out hangs
    the rest. Decisions go over the CPU (gloo), so that no GPU is waited for.
    """

    def __init__(self) -> None:
        self._group: Any = None
        self._device = torch.device("cpu")
        self.many = False

    def join(self, device: torch.device) -> None:
        """Find the other processes; all must call it at the same point, once the process group exists."""
        self.leave()
        self.many = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        if self.many and dist.get_backend() != "gloo":
            if dist.is_gloo_available():
                self._group = dist.new_group(backend="gloo")
            else:
                self._device = device

    def leave(self) -> None:
        """Give back what :meth:`join` took."""
        if self._group is not None and dist.is_initialized():
            dist.destroy_process_group(self._group)
        self._group, self._device, self.many = None, torch.device("cpu"), False

    def all(self, ready: bool) -> bool:
        """Return whether every process is ready."""
        return ready if not self.many else not any(self.union([not ready]))

    def union(self, mask: Sequence[bool]) -> list[bool]:
        """Return, element by element, whether any process has true; the length must not differ between them."""
        if not self.many:
            return list(mask)
        votes = torch.tensor(mask, dtype=torch.uint8, device=self._device)
        dist.all_reduce(votes, dist.ReduceOp.MAX, group=self._group)
        return [bool(vote) for vote in votes.tolist()]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Average tensors over all processes, in place, with one collective for each precision among them."""
        if not self.many:
            return
        for dtype in sorted({tensor.dtype for tensor in tensors}, key=str):
            alike = [tensor for tensor in tensors if tensor.dtype == dtype]
            flat = torch.cat([tensor.flatten() for tensor in alike])
            dist.all_reduce(flat)
            flat /= dist.get_world_size()
            for tensor, part in zip(alike, flat.split([t.numel() for t in alike]), strict=True):
                tensor.copy_(part.view_as(tensor))


def tell_of_lost_processes(trainer: Trainer, once: Once) -> None:
    """Tell where every process of a fit ends with it, so that what a callback has learnt does not come back."""
    launcher = type(trainer.strategy.launcher)
    if any(kind.__name__ == "_MultiProcessingLauncher" for kind in launcher.__mro__):
        once.say(
            "lost",
            "the processes of this strategy end with trainer.fit, and T ends with them: here the callback stays as it "
            "was. Save a checkpoint and give it to what comes next, or take the strategy ddp.",
        )
