"""T beside a running host: built for the captured shapes, moved, ascending on each batch, saved and restored."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer

from mine_lightning.bounds import Bound
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.pairing import Pairing
from mine_lightning.regularizer.average import Average
from mine_lightning.regularizer.ranks import Ranks
from mine_lightning.types import OptimizerFactory, Shape, StatisticsFactory

__all__ = ["Ascent", "Reading", "detached"]


@dataclass(frozen=True)
class Reading:
    """What the bound read on a training batch.

    Attributes:
        value: in nats.
        drift: how far the batch's log-mean-exp was from the moving average, in nats; None where there is none.
        pairs: marginal scores that the value was computed from.
        limit: the most, in nats, that so many can show.
    """

    value: Tensor
    drift: Tensor | None
    pairs: int
    limit: float


class Ascent:
    """MINE and the optimizer by which its statistics network T ascends, whatever direction the host goes.

    T's shapes are those of the first pair that comes. It stays in float32, or in float64 for a host in it.

    Args:
        statistics_network: T, a module, or a callable from the shapes of x and z to one.
        bound: what T makes tight.
        pairing: how marginal samples are drawn.
        optimizer: callable from T's parameters to an optimizer.
        seed: of T's initial weights, its noise and the pairing.
        steps: updates of T for each batch.
    """

    def __init__(
        self,
        statistics_network: StatisticsFactory | nn.Module,
        bound: Bound,
        pairing: Pairing,
        optimizer: OptimizerFactory,
        seed: int,
        steps: int,
    ) -> None:
        self.steps = steps
        self.mine: MINE | None = None
        self._optimizer: Optimizer | None = None
        self._make = (statistics_network, bound, pairing, optimizer, seed)
        self._bound_at_first = copy.deepcopy(bound.state_dict())
        self._shapes: tuple[Shape, Shape] | None = None
        self._restored: dict[str, Any] = {}
        self._given: list[dict[str, Any]] = []  # the optimizer's settings, as it was made
        self._lacking: list[str] = []  # of these, what a restored one does not have
        self._average = Average()

    def state_dict(self) -> dict[str, Any]:
        """Return T's shapes and state and its optimizer's; no shapes where there is no T yet."""
        if self.mine is None or self._optimizer is None or self._shapes is None:
            return self._restored or {"shapes": None}  # not nothing, which Lightning would not hand back
        state = {
            "shapes": [list(shape) for shape in self._shapes],
            "mine": self.mine.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "settings": self._given,
        }
        self.catch_up()
        average = self._average.state_dict()
        return state if average is None else {**state, "average": average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state: at once where T is there, else when it is built; one without T starts anew."""
        self._average.load_state_dict(state.get("average"))
        self._lacking = []
        if not state.get("shapes"):
            self.mine = self._optimizer = self._shapes = None
            self._make[1].load_state_dict(self._bound_at_first)  # its moving average
            self._restored = {}
            return
        self._restored = state
        if self.mine is not None:
            self._apply_restored()

    @torch.inference_mode(False)  # a validation by itself runs in it, and T may be trained afterwards
    def resume(self, trainer: Trainer, host: LightningModule) -> None:
        """Build T from a restored state, or move the one that is there to the host's device and precision."""
        if self._restored and self.mine is None:
            x_shape, z_shape = (tuple(shape) for shape in self._restored["shapes"])
            self._build(trainer, host, (x_shape, z_shape))
        elif self.mine is not None and self._optimizer is not None:
            place = host.device, _precision(host)
            if any((parameter.device, parameter.dtype) != place for parameter in self.mine.parameters()):
                self.mine.to(*place)
                self._optimizer.load_state_dict(self._optimizer.state_dict())  # its moments follow the parameters
        if self.mine is not None and trainer.state.fn != TrainerFn.FITTING:
            self._average.loaded(self.mine.statistics_network)

    def start(self, trainer: Trainer, host: LightningModule) -> None:
        """Get ready for a training.

        Raises:
            InputError: if what was restored is of another kind of optimizer.
        """
        self.resume(trainer, host)
        if self._lacking:
            raise InputError(
                "Expected the optimizer of T that the checkpoint was written with but its has no "
                f"{', '.join(self._lacking)}; resume with the same, or start anew."
            )
        self._average.start(trainer, None if self.mine is None else self.mine.statistics_network)

    def catch_up(self) -> None:
        """Average T as the host has been averaged since the last time; between batches."""
        if self.mine is not None:
            self._average.catch_up(self.mine.statistics_network)

    def finish(self) -> None:
        """Become what the host's weights have become by the end of a training: their average, if any."""
        self.catch_up()
        if self.mine is not None:
            self._average.settle(self.mine.statistics_network)

    def evaluate(self, trainer: Trainer, host: LightningModule, x: Tensor, z: Tensor, draw: str) -> tuple[Tensor, ...]:
        """Return T's scores of held-out pairs, by its average where the host is averaged; see :class:`MINE`.

        Raises:
            InputError: if the shapes differ from the first pair's.
        """
        mine = self.ready(trainer, host, x, z)
        self.catch_up()
        with self._average.in_place(mine.statistics_network):
            return mine.evaluate(x, z, draw)

    def waits_for_average(self, trainer: Trainer) -> bool:
        """Return whether a fit validates the host's weights from before training, of which T knows nothing."""
        self.catch_up()
        return trainer.state.fn == TrainerFn.FITTING and self._average.waits

    def ready(self, trainer: Trainer, host: LightningModule, x: Tensor, z: Tensor) -> MINE:
        """Return MINE for pairs (x, z), built the first time.

        Raises:
            InputError: if the shapes differ from the first pair's.
        """
        shapes = (tuple(x.shape[1:]), tuple(z.shape[1:]))
        if self.mine is None:
            self._build(trainer, host, shapes)
        elif shapes != self._shapes:
            assert self._shapes is not None
            first, now = ([list(shape) for shape in pair] for pair in (self._shapes, shapes))
            raise InputError(
                f"Expected x and z of shape {first[0]} and {first[1]} a sample, as in the first batch, but "
                f"got {now[0]} and {now[1]}; captures must keep their shape."
            )
        assert self.mine is not None
        return self.mine

    def update(self, trainer: Trainer, host: LightningModule, x: Tensor, z: Tensor, ranks: Ranks) -> Reading:
        """Let T ascend on a batch; return what the bound read before it did."""
        mine = self.ready(trainer, host, x, z)
        assert self._optimizer is not None
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        first: Reading | None = None
        for _ in range(self.steps):
            with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
                joint, marginal = mine.scores(x, z, "update")
                value = mine.bound(joint.detach(), marginal.detach())
                drift = mine.bound.drift(marginal.detach())
                objective = mine.bound.objective(joint, marginal)
                found = torch.autograd.grad(-objective, parameters, allow_unused=True)
            self._step(parameters, found, ranks)
            mine.updates += 1
            first = first or Reading(value, drift, marginal.numel(), mine.bound.limit(*marginal.shape[:2]))
        assert first is not None
        return first

    def _step(self, parameters: list[nn.Parameter], found: Sequence[Tensor | None], ranks: Ranks) -> None:
        assert self._optimizer is not None
        gradients = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
        ranks.average(gradients)
        # a host in half precision may overflow for a batch; one such gradient would leave T at NaN for good
        finite = torch.stack([gradient.sum() for gradient in gradients]).sum().isfinite()
        # on the CPU to ask costs nothing, and to choose number by number costs as much as a layer
        whole = finite.device.type == "cpu" and bool(finite)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient if whole else torch.where(finite, gradient, torch.zeros_like(gradient))
        self._optimizer.step()
        self._optimizer.zero_grad()

    def _build(self, trainer: Trainer, host: LightningModule, shapes: tuple[Shape, Shape]) -> None:
        network, bound, pairing, optimizer, seed = self._make
        mine = MINE(network, *shapes, bound, pairing, optimizer, seed).to(host.device, _precision(host)).train()
        for tensor in mine.state_dict().values():
            if isinstance(tensor, Tensor):
                tensor.copy_(trainer.strategy.broadcast(tensor))
        own = mine.configure_optimizers()
        if not isinstance(own, Optimizer):
            raise InputError(
                f"Expected the optimizer of T to be a callable that returns one but it returned {own!r}; "
                "give a class, or functools.partial(torch.optim.Adam, lr=1e-4)."
            )
        if isinstance(own, torch.optim.LBFGS):
            raise InputError("Expected an optimizer of T that steps without a closure but got LBFGS; take Adam.")
        self.mine, self._shapes, self._optimizer, self._given = mine, shapes, own, _settings(own)
        if self._restored:
            self._apply_restored()

    def _apply_restored(self) -> None:
        assert self.mine is not None
        assert self._optimizer is not None
        try:
            self.mine.load_state_dict(self._restored["mine"])
            self._optimizer.load_state_dict(self._restored["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise InputError(
                "Expected the statistics network and optimizer that the checkpoint was written with but they differ "
                f"({' '.join(str(error).split())[:200]}); resume with the same, or start anew."
            ) from error
        groups, saved = self._optimizer.param_groups, self._restored.get("settings", [])
        self._lacking = [key for key in self._given[0] if key not in groups[0]]
        if len(saved) == len(groups):
            for group, given, older in zip(groups, self._given, saved, strict=True):
                group.update({key: value for key, value in given.items() if older.get(key, value) != value})
        self._restored = {}


def _settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Return what an optimizer is made with, group by group: by it, what is given anew is told from what it changes.

    Plain values alone, which a checkpoint that is read as tensors and such may hold.
    """
    plain = int | float | str | None
    return [
        {
            key: value
            for key, value in group.items()
            if isinstance(value, plain) or (isinstance(value, tuple) and all(isinstance(part, plain) for part in value))
        }
        for group in optimizer.param_groups
    ]


def detached(tensor: Tensor, host: LightningModule) -> Tensor:
    """Return a plain tensor outside of the host's graph, in the precision of T."""
    return tensor.detach().as_subclass(Tensor).to(_precision(host))


def _precision(host: LightningModule) -> torch.dtype:
    """Return the precision of T: float32, or float64 for a host in it; never a half."""
    return torch.float64 if host.dtype == torch.float64 else torch.float32
