"""MINERegularizer: a mutual-information term for any LightningModule, attached from outside."""

from __future__ import annotations

import copy
import math
import weakref
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal, final

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.signature_utils import is_param_in_hook_signature
from torch import Tensor, nn

from mine_lightning.bounds import Bound, DonskerVaradhan
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE, check_parts
from mine_lightning.networks.statistics import MLPStatistics
from mine_lightning.pairing import Derangements, Pairing
from mine_lightning.regularizer.ascent import Ascent, detached
from mine_lightning.regularizer.beta import BetaSchedule
from mine_lightning.regularizer.capture import Side
from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.compiled import KeepBuffers
from mine_lightning.regularizer.delivery import RAW_STEP, Delivery, is_logged, scale_of
from mine_lightning.regularizer.first_batches import FirstBatches
from mine_lightning.regularizer.health import Health
from mine_lightning.regularizer.merge import Merged, merge, parameters_of
from mine_lightning.regularizer.once import Once
from mine_lightning.regularizer.ranks import Ranks, tell_of_lost_processes
from mine_lightning.regularizer.recorder import Recorder
from mine_lightning.regularizer.term import above_zero, refuse_reentrant_checkpoint, slopes
from mine_lightning.regularizer.units import tell_of_units
from mine_lightning.regularizer.validation import Validation
from mine_lightning.types import OptimizerFactory, StatisticsFactory

__all__ = ["MINERegularizer"]

_UNSUPPORTED = ("FSDPStrategy", "DeepSpeedStrategy", "ModelParallelStrategy")


@final
class MINERegularizer(Callback):
    r"""Maximise or minimise the mutual information I(x; z) of two tensors of a running LightningModule.

    The host's loss stays as it is; its optimizer steps along

    .. math:: g_u + g_a, \qquad g_m = \mp \beta\, \partial \hat I / \partial\theta, \qquad
              g_a = \min(\|g_u\|, \|g_m\|)\, g_m / \|g_m\|

    with :math:`g_u` the gradient of its own loss and :math:`\hat I` the bound's value on the batch, in nats. The
    gradient goes through whichever of x and z depends on the host's parameters. Under Donsker-Varadhan the host gets
    the gradient of the batch's own value; the moving average serves T alone. T always ascends, after the host's step,
    on the same batch, and lives here, not on the host: the host's ``state_dict`` and checkpoints stay its own.

    What is minimised is :math:`\max(\hat I, 0)`: information is never negative, and where the bound's value is, T lags
    behind the host. Its slope then says which way to run from T, not which way x and z share less.

    Logs, per training step: ``mine/mi`` (nats, before T's update), and ``mine/beta`` where it changes by epochs; every
    ``log_every_n_steps``: ``mine/g_u``, ``mine/g_m`` and ``mine/clip`` (the factor on g_m); per validation: ``val/mi``
    and ``val/mi_stderr`` (nats, on pairs that T was not trained on). With a ``name``: ``mine/NAME/mi`` and so on, and
    ``val/NAME_mi``.

    Where it needs neither norm, under automatic optimisation without clipping, the term joins the loss and one backward
    computes both; in the batches whose norms are logged, and everywhere else, the two gradients are taken apart.

    Source: Belghazi et al., Mutual Information Neural Estimation, ICML 2018, section 5 and the appendix on adaptive
    clipping (equation 21).

    Args:
        x: capture of x, such as ``"output:generator"``; :mod:`mine_lightning.regularizer.capture` has the grammar. Or a
            list of captures, whose samples follow each other: the pairs of two joints are then one batch of pairs.
        z: capture of z, such as ``"input:generator[:, :10]"``, or a list of as many.
        direction: "maximize" or "minimize" the mutual information.
        beta: weight of the term beside the host's loss, per nat. With 0 the term is only watched: the host's weights
            are bitwise those without the callback. Or its values at epochs, ``{0: 0.0, 2: 1.0}`` for a warm-up over
            two: :class:`~mine_lightning.regularizer.beta.BetaSchedule`. The attribute may be set between steps, to
            either; what is set last holds, a schedule from the next batch on. Checkpoints do not have it: set it again
            where training is resumed.
        adaptive_clip: clip the term's gradient to the norm of the host's own; by default on to maximise, where the
            term has no upper end, and off to minimise.
        statistics_network: T, a module, of which a copy is trained (``mine.statistics_network``), or a callable from
            the shapes of x and z (without the batch axis) to one.
        bound: Donsker-Varadhan with a moving average by default.
        pairing: how marginal samples are drawn; one derangement of the batch by default.
        optimizer: callable from T's parameters to an optimizer; Adam with a learning rate of 2e-4 by default.
        t_steps: updates of T for each batch.
        held_out: pairs of each validation that ``val/mi`` is estimated on, in each process and over all its loaders;
            whole batches are taken until there are so many. 0 switches it off.
        seed: of T's initial weights, its noise and the pairing, which never touch the global random state.
        name: tells apart several instances on one model, in checkpoints and in log names.

    Raises:
        InputError: at the start of training for a capture that does not exist, after the first batch for one that
            was not seen or carries no gradient.

    Examples:
        >>> from mine_lightning import MINERegularizer
        >>> mine = MINERegularizer(x="batch:0", z="input:head", direction="minimize", beta=1e-3)
    """

    def __init__(
        self,
        x: str | list[str],
        z: str | list[str],
        direction: Literal["maximize", "minimize"],
        beta: float | dict[float, float] = 1.0,
        adaptive_clip: bool | None = None,
        statistics_network: StatisticsFactory | nn.Module = MLPStatistics,
        bound: Bound | None = None,
        pairing: Pairing | None = None,
        optimizer: OptimizerFactory | None = None,
        t_steps: int = 1,
        held_out: int = 10_000,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        _check(x, z, direction, beta, adaptive_clip, name)
        _check_whole(t_steps=(t_steps, 1), held_out=(held_out, 0), seed=(seed, 0))
        check_parts(statistics_network, bound, pairing, optimizer)
        self.beta = beta
        # a list of one is that one, in checkpoints too
        self.x, self.z = (
            side if isinstance(side, str) else side[0] if len(side) == 1 else list(side) for side in (x, z)
        )
        self.direction = direction
        self.adaptive_clip = direction == "maximize" if adaptive_clip is None else adaptive_clip
        # as with the bound: another run would start from what this one has made of it
        own = isinstance(statistics_network, nn.Module)
        self.statistics_network = copy.deepcopy(statistics_network) if own else statistics_network
        self.bound = DonskerVaradhan() if bound is None else copy.deepcopy(bound)  # its moving average is ours alone
        self.pairing = Derangements() if pairing is None else pairing
        self.optimizer = _default_optimizer if optimizer is None else optimizer
        self.t_steps = t_steps
        self.held_out = held_out
        self.seed = seed
        self.name = name
        self._ascent = Ascent(self.statistics_network, self.bound, self.pairing, self.optimizer, seed, t_steps)
        self._once, self._ranks, self._buffers = Once(), Ranks(), KeepBuffers()
        sides = (Side.parse(self.x), Side.parse(self.z))
        self._texts = (sides[0].text, sides[1].text)
        self._recorder = Recorder(*sides, self._once)
        self._first = FirstBatches(*self._texts, self._recorder, self._once)
        self._delivery = Delivery(self._ranks)
        self._validation = Validation(self._recorder, self._ascent, self._ranks, self._once, held_out)
        self._health = Health(self._log_name("mi"), direction, self._once)
        self._host: weakref.ref[LightningModule] | None = None
        self._norms_seen = False

    @property
    def mine(self) -> MINE | None:
        """T, its bound and their state; None until the first batch has shown the shapes."""
        return self._ascent.mine

    @property
    def beta(self) -> float:
        """The weight of the term now."""
        return self._beta

    @beta.setter
    def beta(self, beta: float | Mapping[float, float]) -> None:
        schedule = BetaSchedule(beta) if isinstance(beta, Mapping) else None
        weight: Any = beta if schedule is None else schedule.at(0)
        if not isinstance(weight, Real) or not 0 <= float(weight) < math.inf:
            raise InputError(
                f"Expected finite beta >= 0, or betas by epoch, but got {beta!r}; "
                "to reverse the term use direction, to watch without a term use beta=0."
            )
        self._beta, self.beta_schedule = float(weight), schedule

    # --- what is saved

    @property
    def state_key(self) -> str:
        return self._generate_state_key(x=self.x, z=self.z, direction=self.direction, name=self.name)

    def state_dict(self) -> dict[str, Any]:
        return self._ascent.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._ascent.load_state_dict(state_dict)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_host": None}  # a weak reference can't go to another process

    # --- start and end

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        strategy = type(trainer.strategy).__name__
        if any(kind.__name__ in _UNSUPPORTED for kind in type(trainer.strategy).__mro__):
            raise InputError(
                f"Expected a strategy that keeps whole parameters on every process but got {strategy}; "
                "MINERegularizer works with 'auto', 'ddp' and 'ddp_find_unused_parameters_true'."
            )
        others = [c for c in trainer.callbacks if isinstance(c, MINERegularizer)]  # type: ignore[attr-defined]
        if len({callback.name for callback in others}) < len(others):
            raise InputError(
                f"Expected {len(others)} MINERegularizers on one model to have different names, by which their logs "
                "are told apart, but two have the same; give each a name."
            )
        if is_param_in_hook_signature(pl_module.training_step, "dataloader_iter", explicit=True):
            raise InputError(
                f"Expected {type(pl_module).__name__}'s training_step to be given its batch but it takes "
                "dataloader_iter, so that no callback sees the batch; let it take batch and batch_idx."
            )
        if stage == "fit":  # with a beta of 0 too, which may be the start of a schedule
            self._buffers.hold()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.mine is not None and self._host is not None and self._host() is not pl_module:
            self._once.say(
                "another",
                f"T goes on from another model than this {type(pl_module).__name__}, on which the callback was before; "
                "give each model a MINERegularizer of its own to start anew.",
            )
        tell_of_lost_processes(trainer, self._once)
        self._host = weakref.ref(pl_module)
        self._norms_seen = False
        self._first.start()
        self._delivery.start()
        self._ranks.join(pl_module.device)
        self._recorder.attach(pl_module)
        self._ascent.start(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._ascent.finish()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._let_go()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._let_go()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self._recorder.detach()
        self._delivery.start()
        self._validation.clear()
        self._ranks.leave()
        self._buffers.release()

    # --- a training step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if not self._recorder.attached:  # another trainer had this callback in between, and has ended
            self._ranks.join(pl_module.device)
            self._buffers.hold()
        if not self._recorder.is_attached_to(pl_module):  # the host may replace a module as it trains
            self._recorder.detach()
            self._recorder.attach(pl_module)
        self._ascent.catch_up()
        self._recorder.arm(pl_module, batch)
        if self.beta_schedule is not None:
            self._beta = self.beta_schedule.at(self._epoch(trainer, batch_idx))

    def _epoch(self, trainer: Trainer, batch_idx: int) -> float:
        """Return how many epochs have passed, with the part of this one; without that where its length is unknown."""
        if math.isinf(trainer.num_training_batches):
            self._once.say(
                "endless",
                f"beta of {self._log_name('mi')} stands still within an epoch, since the training loader has no "
                "length; with the Trainer's limit_train_batches an epoch has one.",
            )
        return trainer.current_epoch + batch_idx / trainer.num_training_batches

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._first.saw_backward()
        pair = self._recorder.newest(pl_module)
        self._recorder.pause()  # what the backward runs again, behind an activation checkpoint, is no new pass
        if self.beta == 0:
            return

        def slopes_of(pair: Captured) -> list[Tensor]:
            if not self._delivery.begun:
                refuse_reentrant_checkpoint(pair, *self._texts)
                self._first.tell_of_no_optimizer(trainer, pl_module, pair)
            x, z = detached(pair.x, pl_module), detached(pair.z, pl_module)
            value, found = slopes(self._ascent.ready(trainer, pl_module, x, z), pair, x, z)
            return found if self.direction == "maximize" else above_zero(value, found, self._ranks)

        share = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
        weight = (-self.beta if self.direction == "maximize" else self.beta) / share
        self._delivery.before_backward(trainer, pl_module, loss, pair, slopes_of, weight, self._holds(trainer))

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._recorder.resume()
        if self.beta > 0:
            stores = [term._delivery.store for term in self._joined_terms(trainer)]
            measure = self._norms_are_due(trainer)
            merged = self._delivery.after_backward(trainer, pl_module, self._holds(trainer), measure, stores)
            self._log_norms(pl_module, merged)

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if not self._holds(trainer):
            self._delivery.store.drop(parameters_of(optimizer))  # it is in .grad already
            return
        terms = self._joined_terms(trainer)
        if self is not terms[0]:
            return  # one of several does it for all, so that each is clipped against the host's own gradient
        if not pl_module.automatic_optimization:
            for term in terms:
                term._delivery.forget_cleared([optimizer], holds=True)
        # a scaler leaves the gradients of fused optimizers scaled, since these unscale them in their own step
        scaled = getattr(optimizer, "_step_supports_amp_scaling", False)
        scale = scale_of(trainer, pl_module) if scaled else 1.0
        results = merge(optimizer, [(term._delivery.store, term.adaptive_clip) for term in terms], scale, self._ranks)
        for term, merged in zip(terms, results, strict=True):
            if term._norms_are_due(trainer):
                term._log_norms(pl_module, merged)
                if merged is not None and getattr(trainer.precision_plugin, "scaler", None) is not None:
                    term._health.watch_held(merged.g_u, merged.g_m)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        pair = self._recorder.newest(pl_module)
        built, begun = self.mine is not None, self._delivery.begun
        self._first.judge(trainer, pl_module, pair, batch_idx, self.beta == 0, built, begun)
        if self._holds(trainer) and self._delivery.store.stepped_without_merge():
            raise InputError(RAW_STEP)
        if self._ranks.all(pair is not None and len(pair.x) >= 2) and pair is not None:
            x, z = detached(pair.x, pl_module), detached(pair.z, pl_module)
            before = self._ascent.update(trainer, pl_module, x, z, self._ranks)
            if self.mine is not None and self.mine.updates == self.t_steps:  # its first batch
                for text, side in zip(self._texts, (pair.x, pair.z), strict=True):
                    tell_of_units(text, side, self.mine.statistics_network, self._once)
            self._health.watch(before)
            self._log(pl_module, "mi", before.value, prog_bar=True)
        if self.beta_schedule is not None:
            self._log(pl_module, "beta", torch.tensor(self.beta))
        self._recorder.disarm()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._health.judge(watches=self._watches)
        self._first.end_epoch(self._log_name("mi"))

    def _holds(self, trainer: Trainer) -> bool:
        """Return whether shares wait for the optimizer step, since one of the terms is clipped by the host's own."""
        return self._acts and any(term.adaptive_clip for term in self._joined_terms(trainer))

    @property
    def _watches(self) -> bool:
        """Whether this term does nothing but watch."""
        return self.beta == 0 and self.beta_schedule is None

    @property
    def _acts(self) -> bool:
        """Whether this term changes the host's gradient: what waits for a step does, if beta is 0 by now.

        One with a schedule always does. If it came in between two batches that are accumulated, the other terms would
        have a share of the first in ``.grad`` already and hold that of the second.
        """
        return self.beta > 0 or self.beta_schedule is not None or self._delivery.store.holds_any()

    def _joined_terms(self, trainer: Trainer) -> list[MINERegularizer]:
        """Return the instances that change the host's gradient, in an order that the user's list does not decide."""
        terms = [c for c in trainer.callbacks if isinstance(c, MINERegularizer) and c._acts]  # type: ignore[attr-defined]
        if self not in terms:
            return [self]
        return sorted(terms, key=lambda term: term.name or "")  # names differ, as setup() has seen

    # --- held-out pairs

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._ascent.resume(trainer, pl_module)  # a checkpoint has T, where this object has not trained
        self._validation.tell_of_no_network(trainer)
        if self.mine is not None and not self._recorder.attached:  # a validation by itself, after training
            self._ranks.join(pl_module.device)
            self._recorder.attach(pl_module)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation.clear()

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._validation.before_batch(trainer, pl_module, batch)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._validation.after_batch(trainer, pl_module, batch_idx)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        estimate = self._validation.estimate(trainer.world_size)
        if estimate is None:
            return
        value, stderr = estimate
        prefix = f"val/{self.name}_mi" if self.name else "val/mi"
        pl_module.log(prefix, value, sync_dist=True)
        pl_module.log(f"{prefix}_stderr", stderr, sync_dist=True)
        self._health.judge(value.item(), stderr.item(), self._watches, self._validation.passes)

    # --- what is logged

    def _norms_are_due(self, trainer: Trainer) -> bool:
        return is_logged(trainer) or not self._norms_seen

    def _log_norms(self, pl_module: LightningModule, merged: Merged | None) -> None:
        if merged is not None:
            self._norms_seen = True
            self._log(pl_module, "g_u", merged.g_u)
            self._log(pl_module, "g_m", merged.g_m)
            self._log(pl_module, "clip", merged.factor)

    def _log_name(self, key: str) -> str:
        return f"mine/{self.name}/{key}" if self.name else f"mine/{key}"

    def _log(self, pl_module: LightningModule, key: str, value: Tensor, prog_bar: bool = False) -> None:
        pl_module.log(self._log_name(key), value.detach(), prog_bar=prog_bar, on_step=True, on_epoch=False)


def _check(x: Any, z: Any, direction: Any, beta: Any, adaptive_clip: Any, name: Any) -> None:
    """Refuse what names or steers no term."""
    if not _names(x) or not _names(z) or not isinstance(beta, Real | Mapping):
        raise InputError(
            "Expected x and z to be capture strings, or lists of them, and beta a number, or betas by epoch, but "
            f"got {x!r}, {z!r} and {beta!r}; write x='batch:0', z='output:encoder', beta=1e-3 or the like."
        )
    if direction not in ("maximize", "minimize"):
        raise InputError(
            f"Expected direction 'maximize' or 'minimize' but got {direction!r}; write the one that is meant."
        )
    if not isinstance(name, str | None) or not isinstance(adaptive_clip, bool | None):
        raise InputError(
            "Expected name to be a word and adaptive_clip true, false or None but got "
            f"{name!r} and {adaptive_clip!r}; correct it."
        )


def _check_whole(**numbers: tuple[Any, int]) -> None:
    """Refuse what is no whole number from its least value on."""
    for key, (number, least) in numbers.items():
        if not isinstance(number, Integral):
            raise InputError(f"Expected {key} to be a whole number but got {number!r}; write one.")
        if number < least:
            raise InputError(f"Expected {key} >= {least} but got {number}; correct it.")


def _names(side: Any) -> bool:
    """Return whether this can be one capture, or a list of several."""
    return isinstance(side, str) or (isinstance(side, list | tuple) and all(isinstance(text, str) for text in side))


def _default_optimizer(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=2e-4)
