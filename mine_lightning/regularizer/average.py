"""T averaged beside the host: a T of today misreads the codes of a host whose weights are an average of the past."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["Average"]


class Average:
    """T's average, where a callback averages the host's weights: by the same rule, at the same steps.

    That callback is Lightning's ``WeightAveraging`` or one made of it, as
    :class:`mine_lightning.hosts.averaging.AveragedWeights` is. Where there is none, there is no average, and T is read
    as it is. As with the host's, held-out pairs are read by the average, which takes T's place where training ends.
    """

    def __init__(self) -> None:
        self._weights: dict[str, Tensor] | None = None
        self._count = 0
        self._callback: Any = None
        self._followed: tuple[int, int] | None = None
        self._restored = False

    def start(self, trainer: Trainer, network: nn.Module | None) -> None:
        """Begin a training with what a checkpoint has restored, or with none.

        Where the host is averaged no more, it has been loaded as its average, and T goes on from its own.
        """
        self._callback = _averaging(trainer)
        self._followed = self._updates()
        if self._callback is None and network is not None:
            self.loaded(network)
        if not self._restored:  # of a training that was interrupted
            self._weights = None
        self._restored = False

    @torch.no_grad()
    def catch_up(self, network: nn.Module) -> None:
        """Take in T's weights if the host's have been taken in since the last time.

        To be asked between batches, so that the order of the callbacks makes no difference.
        """
        if self._updates() == self._followed:
            return
        self._followed = self._updates()
        newest = _tensors(network)
        if self._weights is None:
            self._weights, self._count = {name: tensor.clone() for name, tensor in newest.items()}, 0
        averaged = {name: tensor.to(newest[name].device) for name, tensor in self._weights.items()}
        _take_in(self._callback._average_model, network, averaged, newest, self._count)
        self._weights, self._count = averaged, self._count + 1

    @property
    def waits(self) -> bool:
        """Whether the host's average has not begun, and what is validated are its weights from before training."""
        return self._callback is not None and self._weights is None

    @contextmanager
    def in_place(self, network: nn.Module) -> Iterator[None]:
        """Let T be its average, where there is one, and then what it was."""
        if self._weights is None:
            yield
            return
        newest = {name: tensor.clone() for name, tensor in _tensors(network).items()}
        _put(self._weights, network)
        try:
            yield
        finally:
            _put(newest, network)

    def loaded(self, network: nn.Module) -> None:
        """Give T the average's weights if a checkpoint has restored them, as a host is loaded to be validated."""
        if self._restored:
            self.settle(network)

    def settle(self, network: nn.Module) -> None:
        """Give T the average's weights, as the host has them once it is trained."""
        if self._weights is not None:
            _put(self._weights, network)
        self._weights, self._restored = None, False

    def _updates(self) -> tuple[int, int] | None:
        """Return the optimizer step and the epoch of the host's last update."""
        callback = self._callback
        return None if callback is None else (callback._latest_update_step, callback._latest_update_epoch)

    def state_dict(self) -> dict[str, Any] | None:
        """Return the average and its number of updates, or None where there is none."""
        return None if self._weights is None else {"weights": self._weights, "count": self._count}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Take up a state, or none."""
        self._weights, self._count = None, 0
        if state is not None:  # a copy: averages move in place
            self._weights = {name: tensor.clone() for name, tensor in state["weights"].items()}
            self._count = state["count"]
        self._restored = state is not None


def _take_in(rule: AveragedModel, network: nn.Module, averaged: Any, newest: dict[str, Tensor], count: int) -> None:
    """Move averages, in place, by the rule that the host's are moved by; ``AveragedModel`` itself would copy T."""
    trained = {name for name, _ in network.named_parameters(remove_duplicate=False)}
    names = [n for n, t in newest.items() if t.is_floating_point() and (rule.use_buffers or n in trained)]
    moved = set(names) if count > 0 else set()
    for name in newest.keys() - moved:  # a count is no mean of counts
        averaged[name].copy_(newest[name])
    if not moved:
        return
    if rule.multi_avg_fn is not None:
        rule.multi_avg_fn([averaged[name] for name in names], [newest[name] for name in names], torch.tensor(count))
        return
    for name in names:
        old, new = averaged[name], newest[name]
        mean = old + (new - old) / (count + 1) if rule.avg_fn is None else rule.avg_fn(old, new, torch.tensor(count))
        old.copy_(mean)


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return T's own parameters and buffers by name."""
    return {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}


@torch.no_grad()
def _put(weights: dict[str, Tensor], network: nn.Module) -> None:
    for name, tensor in _tensors(network).items():
        tensor.copy_(weights[name])


def _averaging(trainer: Trainer) -> Any:
    """Return the callback that averages the host's weights, or None; it may be of the package ``lightning``."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(getattr(callback, "_average_model", None), AveragedModel):
            return callback
    return None
