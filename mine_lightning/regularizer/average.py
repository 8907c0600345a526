"""T averaged beside the host: a T of today misreads the codes of a host whose weights are an average of the past."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytorch_lightning import Trainer
from torch import nn
from torch.optim.swa_utils import AveragedModel

from mine_lightning.estimator import MINE

__all__ = ["Average"]


class Average:
    """T's average, where a callback averages the host's weights: by the same rule, at the same steps.

    That callback is Lightning's ``WeightAveraging`` or one made of it, as
    :class:`mine_lightning.hosts.averaging.AveragedWeights` is. Where there is none, there is no average, and T is read
    as it is. As with the host's, held-out pairs are read by the average, which takes T's place where training ends.
    """

    def __init__(self) -> None:
        self._model: AveragedModel | None = None
        self._restored: dict[str, Any] | None = None
        self._followed: tuple[int, int] | None = None

    def start(self, trainer: Trainer, network: nn.Module | None) -> None:
        """Forget an earlier training; what a checkpoint has restored counts.

        Where the host is averaged no more, it has been loaded as its average, and T goes on from its own.
        """
        self._model = None
        callback = _averaging(trainer)
        self._followed = None if callback is None else _updates(callback)
        if callback is None and network is not None:
            self.settle(network)

    def follow(self, trainer: Trainer, network: nn.Module) -> None:
        """Take in T's weights if the host's have been taken in since the last time."""
        callback = _averaging(trainer)
        if callback is None or _updates(callback) == self._followed:
            return
        self._followed = _updates(callback)
        if self._model is None:
            theirs = callback._average_model
            rule = {"avg_fn": theirs.avg_fn, "multi_avg_fn": theirs.multi_avg_fn, "use_buffers": theirs.use_buffers}
            self._model = AveragedModel(network, **rule)
            if self._restored is not None:
                self._model.load_state_dict(self._restored)
                self._restored = None
        self._model.update_parameters(network)
        for averaged, newest in zip(self._model.module.buffers(), network.buffers(), strict=True):
            if not newest.is_floating_point():  # a count is no mean of counts
                averaged.copy_(newest)

    @contextmanager
    def in_place(self, mine: MINE) -> Iterator[None]:
        """Let MINE read by the average, where there is one."""
        if self._model is None:
            yield
            return
        newest = mine.statistics_network
        mine.statistics_network = self._model.module
        try:
            yield
        finally:
            mine.statistics_network = newest

    def settle(self, network: nn.Module) -> None:
        """Give T the average's weights, as the host has them once it is trained, or is loaded to be validated."""
        if self._model is not None:
            network.load_state_dict(self._model.module.state_dict())
        elif self._restored is not None:
            weights = {key.removeprefix("module."): value for key, value in self._restored.items() if "." in key}
            network.load_state_dict(weights)
        self._model = self._restored = None

    def state_dict(self) -> dict[str, Any] | None:
        """Return the average and its number of updates, or None where there is none."""
        return self._restored if self._model is None else self._model.state_dict()

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Take up a state when T is next trained or read."""
        self._model, self._restored = None, state


def _averaging(trainer: Trainer) -> Any:
    """Return the callback that averages the host's weights, or None; it may be of the package ``lightning``."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(getattr(callback, "_average_model", None), AveragedModel):
            return callback
    return None


def _updates(callback: Any) -> tuple[int, int]:
    """Return the optimizer step and the epoch of the callback's last update."""
    return callback._latest_update_step, callback._latest_update_epoch
