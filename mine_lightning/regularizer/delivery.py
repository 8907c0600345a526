"""When the term's gradient is taken, and how it gets to the host's ``.grad``.

A backward that runs through a captured pair brings the term's gradient along, once for each pair:

* joined with the loss, where nothing needs the two gradients apart: one backward computes both;
* else added right after the backward, so that whatever the host does to its gradients then is done to the sum;
* else, where one of the terms is clipped by the host's own gradient, held until the optimizer step.

Where the host clears its gradients before it steps, what they had of the term goes with them, and the next backward
through the pair brings it again. One that trains what was frozen in the first brings the share of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from mine_lightning.errors import InputError
from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.graph import dependencies
from mine_lightning.regularizer.merge import ClearingWatch, GradientStore, Merged, add, parameters_of
from mine_lightning.regularizer.ranks import Ranks
from mine_lightning.regularizer.term import gradients, join_loss

__all__ = ["RAW_STEP", "Delivery", "is_logged", "scale_of"]

RAW_STEP = (
    "Expected every optimizer step to go through Lightning but a parameter changed while its share of the term was "
    "held; step with self.optimizers(), not with a raw optimizer, or set adaptive_clip=False."
)


class Delivery:
    """Brings one term's gradient to one host.

    Args:
        ranks: the processes that train it together.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.store = GradientStore()
        self.begun = False
        self._ranks = ranks
        self._clearing = ClearingWatch()
        self._fresh: dict[nn.Parameter, Tensor] | None = None
        self._lost: set[nn.Parameter] = set()
        self._parameters: list[nn.Parameter] = []
        self._pair: Captured | None = None
        self._before: dict[nn.Parameter, tuple[Tensor, int] | None] = {}

    def start(self) -> None:
        """Let go of everything; no backward has been joined yet."""
        self.store.clear()
        self._clearing.forget()
        self._fresh, self._parameters, self.begun = None, [], False
        self._lost = set()
        self._pair, self._before = None, {}

    def before_backward(
        self,
        trainer: Trainer,
        host: LightningModule,
        loss: Tensor,
        pair: Captured | None,
        slopes: Callable[[Captured], list[Tensor]],
        weight: float,
        holds: bool,
    ) -> None:
        """Take the term's gradient, if this backward is one to bring it.

        Args:
            trainer: the host's.
            host: the module that computed the pair.
            loss: what the backward starts from.
            pair: the newest pair, if there is one.
            slopes: gives the bound's gradient for those of x and z that carry one.
            weight: sign and weight of the term in a batch.
            holds: whether the gradient is to wait for the optimizer step.
        """
        self.forget_cleared(trainer.optimizers, holds)
        ready = pair is not None and _is_due(trainer, host, loss, pair, self._lost)
        if not self._ranks.all(ready) or pair is None:
            return
        self._parameters = _parameters(trainer, host)
        if pair.share is not None:  # the host cleared what an earlier backward of this pair had brought, or froze it
            if pair.slopes is not None and (thawed := _thawed(trainer, host, pair)):
                late = gradients(thawed, pair.through, *pair.slopes)
                pair.asked |= set(thawed)
                pair.share |= late
                self._lost |= late.keys()
            self._fresh = {parameter: g for parameter, g in pair.share.items() if parameter in self._lost}
            self._note(pair)
            return
        self._lost = set()  # of an older pair
        found, scale = slopes(pair), scale_of(trainer, host)
        self.begun = True
        # a host with a backward of its own may scale the loss in it, or walk it in parts
        own = type(host).backward.__qualname__ != "LightningModule.backward"
        joins = host.automatic_optimization and not own and not holds and not is_logged(trainer)
        if self._ranks.all(joins and all(dependencies(loss, pair.roots))):
            join_loss(loss, pair.through, found, weight * scale)
            pair.share = {}
        else:
            pair.asked, pair.slopes = set(self._parameters), (found, weight, scale)
            pair.share = self._fresh = gradients(self._parameters, pair.through, *pair.slopes)
            self._note(pair)

    def after_backward(
        self,
        trainer: Trainer,
        host: LightningModule,
        holds: bool,
        measure: bool,
        stores: Sequence[GradientStore],
    ) -> Merged | None:
        """Hold what was taken, or add it to ``.grad``; return its norms if they were asked for and can be told yet.

        Args:
            trainer: the host's.
            host: the module whose backward it was.
            holds: whether the gradient is to wait for the optimizer step.
            measure: whether to compute the norms.
            stores: what all terms have in ``.grad``, this one's among them.
        """
        merged = None
        share, self._fresh = self._fresh, None
        if share is not None and not self._reached(host):
            if self._pair is not None and self._pair.share is share:
                self._pair.share = None  # the backward that does reach the host is to bring it
            share = None
        self._pair, self._before = None, {}
        self._lost -= set(share or ())
        stepped = {p for optimizer in trainer.optimizers for p in parameters_of(optimizer)}
        if share is not None and holds:
            # no step would take that of a target network, which follows another; one that a raw optimizer steps has
            # a gradient of the host's, and is to be told
            self.store.add({p: g for p, g in share.items() if p in stepped or p.grad is not None})
        elif share is not None:
            scale = scale_of(trainer, host)
            merged = add(self._parameters, self.store, share, scale, self._ranks, stepped, stores if measure else None)
        if self.store.holds_any():
            self._clearing.note(trainer.optimizers)
        return merged

    def _note(self, pair: Captured) -> None:
        """Remember what the gradients are before a backward that is to bring this pair's."""
        self._pair, self._before = pair, {parameter: _mark(parameter) for parameter in self._fresh or {}}

    def _reached(self, host: LightningModule) -> bool:
        """Return whether the backward changed the gradient of any parameter that the term reaches.

        One with ``inputs=`` does not, as where a critic trains on a sample that is not detached.
        """
        if host.automatic_optimization:
            return True
        same = all(_same(_mark(parameter), before) for parameter, before in self._before.items())
        return not self._ranks.all(same and bool(self._before))

    def forget_cleared(self, optimizers: Iterable[Optimizer], holds: bool) -> None:
        """Let go of shares whose gradients the host cleared, and remember that these parameters lost one.

        Args:
            optimizers: those whose parameters are looked at.
            holds: whether shares wait for the optimizer step.

        Raises:
            InputError: if a parameter changed while its share was held.
        """
        cleared = [p for optimizer in optimizers for p in self._clearing.cleared(optimizer)]
        if holds and self.store.stepped_without_merge(cleared):
            raise InputError(RAW_STEP)
        self._lost |= self.store.drop(cleared)


def _is_due(trainer: Trainer, host: LightningModule, loss: Tensor, pair: Captured, lost: set[nn.Parameter]) -> bool:
    """Return whether a backward is one to bring the term's gradient of a pair."""
    # under manual optimisation this may be the backward of a loss that has nothing to do with x and z
    runs_through = host.automatic_optimization or any(dependencies(loss, pair.roots))
    pair.seen = pair.seen or runs_through
    if not runs_through or len(pair.x) < 2 or not pair.through:
        return False
    return pair.share is None or bool(lost & pair.share.keys()) or bool(_thawed(trainer, host, pair))


def _thawed(trainer: Trainer, host: LightningModule, pair: Captured) -> list[nn.Parameter]:
    """Return the parameters that were frozen when the pair's share was taken, and are not any more.

    So it is where a host toggles its optimizers between two backwards of one forward pass.
    """
    return [] if pair.slopes is None else [p for p in _parameters(trainer, host) if p not in pair.asked]


def _mark(parameter: nn.Parameter) -> tuple[Tensor, int] | None:
    return None if parameter.grad is None else (parameter.grad, parameter.grad._version)


def _same(one: tuple[Tensor, int] | None, other: tuple[Tensor, int] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one[0] is other[0] and one[1] == other[1]


def _parameters(trainer: Trainer, host: LightningModule) -> list[nn.Parameter]:
    """Return the trainable parameters of the host and of its optimizers, which need not be registered on it."""
    optimized = (parameter for optimizer in trainer.optimizers for parameter in parameters_of(optimizer))
    return [p for p in dict.fromkeys([*host.parameters(), *optimized]) if p.requires_grad]


def is_logged(trainer: Trainer) -> bool:
    """Return whether Lightning writes what is logged in this batch, by its own count, and not only keeps it at hand."""
    interval = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return interval > 0 and (trainer.fit_loop.epoch_loop._batches_that_stepped + 1) % interval == 0


def scale_of(trainer: Trainer, host: LightningModule) -> Tensor | float:
    """Return what the precision plugin multiplies losses with: 1 without a loss scaler; a tensor, to spare a sync."""
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    return 1.0 if scaler is None else scaler.scale(torch.ones((), device=host.device))
