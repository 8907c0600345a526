"""MINERegularizer: a mutual-information term for any LightningModule, attached from outside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, final

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from mine_lightning.bounds import Bound, DonskerVaradhan
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.networks.statistics import MLPStatistics
from mine_lightning.pairing import Derangements, Pairing
from mine_lightning.regularizer.ascent import Ascent, detached
from mine_lightning.regularizer.capture import Capture, Captured, Recorder
from mine_lightning.regularizer.compiled import KeepBuffers
from mine_lightning.regularizer.graph import dependencies
from mine_lightning.regularizer.health import Health
from mine_lightning.regularizer.held_out import HeldOut
from mine_lightning.regularizer.merge import ClearingWatch, GradientStore, merge, parameters_of
from mine_lightning.regularizer.ranks import Ranks
from mine_lightning.regularizer.term import gradients, join_loss, refuse_reentrant_checkpoint, slopes
from mine_lightning.types import OptimizerFactory, StatisticsFactory

__all__ = ["MINERegularizer"]

# batches that a host under manual optimisation may take until its loss first runs through x or z
_PATIENCE = 50
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

    Logs, per training step: ``mine/mi`` (nats, before T's update); every ``log_every_n_steps``: ``mine/g_u``,
    ``mine/g_m`` and ``mine/clip`` (the factor on g_m); per validation: ``val/mi`` and ``val/mi_stderr`` (nats, on pairs
    that T was not trained on).

    Where it needs neither norm, under automatic optimisation without clipping, the term joins the loss and one backward
    computes both; in the batches whose norms are logged, and everywhere else, the two gradients are taken apart.

    Source: Belghazi et al., Mutual Information Neural Estimation, ICML 2018, section 5 and the appendix on adaptive
    clipping (equation 21).

    Args:
        x: capture of x, such as ``"output:generator"``; :mod:`mine_lightning.regularizer.capture` has the grammar.
        z: capture of z, such as ``"input:generator[:, :10]"``.
        direction: "maximize" or "minimize" the mutual information.
        beta: weight of the term beside the host's loss, per nat. With 0 the term is only watched: the host's weights
            are bitwise those without the callback.
        adaptive_clip: clip the term's gradient to the norm of the host's own; by default on to maximise, where the
            term has no upper end, and off to minimise.
        statistics_network: T, a module, or a callable from the shapes of x and z (without the batch axis) to one.
        bound: Donsker-Varadhan with a moving average by default.
        pairing: how marginal samples are drawn; one derangement of the batch by default.
        optimizer: callable from T's parameters to an optimizer; Adam with a learning rate of 2e-4 by default.
        t_steps: updates of T for each batch.
        held_out: pairs of each validation that ``val/mi`` is estimated on, at most; 0 switches it off.
        seed: of T's initial weights, its noise and the pairing, which never touch the global random state.
        name: tells apart two instances with the same x and z, in checkpoints and, where given, in log names
            (``mine/NAME/mi``).

    Raises:
        InputError: at the start of training for a capture that does not exist, after the first batch for one that
            was not seen or carries no gradient.

    Example:
        >>> from mine_lightning import MINERegularizer
        >>> mine = MINERegularizer(x="batch:0", z="output:encoder", direction="minimize", beta=1e-3)
    """

    def __init__(
        self,
        x: str,
        z: str,
        direction: Literal["maximize", "minimize"],
        beta: float = 1.0,
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
        if direction not in ("maximize", "minimize"):
            raise InputError(f"Expected direction 'maximize' or 'minimize' but got {direction!r}.")
        if not 0 <= beta < math.inf or t_steps < 1 or seed < 0:
            raise InputError(
                f"Expected finite beta >= 0, t_steps >= 1 and seed >= 0 but got {beta}, {t_steps} and {seed}; "
                "to reverse the term use direction, to watch without a term use beta=0."
            )
        self.x = x
        self.z = z
        self.direction = direction
        self.beta = beta
        self.adaptive_clip = direction == "maximize" if adaptive_clip is None else adaptive_clip
        self.statistics_network = statistics_network
        self.bound = DonskerVaradhan() if bound is None else bound
        self.pairing = Derangements() if pairing is None else pairing
        self.optimizer = _default_optimizer if optimizer is None else optimizer
        self.t_steps = t_steps
        self.held_out = held_out
        self.seed = seed
        self.name = name
        self._ascent = Ascent(statistics_network, self.bound, self.pairing, self.optimizer, seed, t_steps)
        self._recorder = Recorder(Capture.parse(x), Capture.parse(z))
        self._store = GradientStore()
        self._clearing = ClearingWatch()
        self._held_out = HeldOut(held_out)
        self._health = Health(self._log_name("mi"), direction)
        self._ranks = Ranks()
        self._buffers = KeepBuffers()
        self._backward_seen = self._injected = self._checked = self._norms_seen = False

    @property
    def mine(self) -> MINE | None:
        """T, its bound and their state; None until the first batch has shown the shapes."""
        return self._ascent.mine

    # --- what is saved

    @property
    def state_key(self) -> str:
        return self._generate_state_key(x=self.x, z=self.z, direction=self.direction, name=self.name)

    def state_dict(self) -> dict[str, Any]:
        return self._ascent.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._ascent.load_state_dict(state_dict)

    # --- start and end

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        strategy = type(trainer.strategy).__name__
        if strategy in _UNSUPPORTED:
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
        if stage == "fit" and self.beta > 0:
            self._buffers.hold()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._backward_seen = self._injected = self._checked = self._norms_seen = False
        self._ranks.join(pl_module.device)
        self._recorder.attach(pl_module)
        self._ascent.resume(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._let_go()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._let_go()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self._recorder.detach()
        self._store.clear()
        self._clearing.forget()
        self._held_out.clear()
        self._ranks.leave()
        self._buffers.release()

    # --- a training step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._recorder.arm(pl_module, batch)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._backward_seen = True
        pair = self._recorder.newest(pl_module)
        if self.beta > 0:
            lost = self._forget_cleared(trainer, pl_module, trainer.optimizers)
            ready = pair is not None and self._due(pl_module, loss, pair, lost)
            if self._ranks.all(ready) and pair is not None:
                self._inject(trainer, pl_module, loss, pair, lost)
        self._recorder.pause()

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._recorder.resume()
        if self._store.holds_any() and not pl_module.automatic_optimization:
            self._clearing.note(trainer.optimizers)

    def on_before_zero_grad(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        self._store.drop(parameters_of(optimizer))  # automatic optimisation only: no hook tells of it under manual

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        terms = self._joined_terms(trainer)
        if self.beta == 0 or self is not terms[0]:
            return  # one of several does it for all, so that each is clipped against the host's own gradient
        for term in terms:
            term._forget_cleared(trainer, pl_module, [optimizer])
        # a scaler leaves the gradients of fused optimizers scaled, since these unscale them in their own step
        scaled = getattr(optimizer, "_step_supports_amp_scaling", False)
        scale = _scale(trainer, pl_module) if scaled else 1.0
        results = merge(optimizer, [(term._store, term.adaptive_clip) for term in terms], scale, self._ranks)
        for term, merged in zip(terms, results, strict=True):
            if merged is not None and (_is_logged(trainer) or not term._norms_seen):
                term._norms_seen = True
                term._log(pl_module, "g_u", merged.g_u)
                term._log(pl_module, "g_m", merged.g_m)
                term._log(pl_module, "clip", merged.factor)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        pair = self._recorder.newest(pl_module)
        # an automatic host may skip a batch by returning None, a manual one may train its generator every fifth batch
        automatic_ready = pl_module.automatic_optimization and self._backward_seen
        late = batch_idx + 1 == _PATIENCE or trainer.is_last_batch
        if not self._checked and (automatic_ready or self._injected or late):
            self._check_captures(pl_module, pair)
        if self._store.stepped_without_merge():
            raise InputError(
                "Expected every optimizer step to go through Lightning but a parameter changed while its share of the "
                "term was held; step with self.optimizers(), not with a raw optimizer."
            )
        if self._ranks.all(pair is not None and len(pair.x) >= 2) and pair is not None:
            x, z = detached(pair.x, pl_module), detached(pair.z, pl_module)
            before = self._ascent.update(trainer, pl_module, x, z, self._ranks)
            self._health.watch(before)
            self._log(pl_module, "mi", before.value, prog_bar=True)
        self._recorder.disarm()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._health.judge()

    def _forget_cleared(
        self, trainer: Trainer, pl_module: LightningModule, optimizers: Iterable[torch.optim.Optimizer]
    ) -> set[nn.Parameter]:
        """Let go of shares whose gradients a host under manual optimisation cleared; return what lost its share."""
        if pl_module.automatic_optimization:
            return set()
        return self._store.drop(p for optimizer in optimizers for p in self._clearing.cleared(optimizer))

    def _due(self, pl_module: LightningModule, loss: Tensor, pair: Captured, lost: set[nn.Parameter]) -> bool:
        """Return whether this backward is one that the term of a pair joins."""
        if len(pair.x) < 2 or not (pair.x.requires_grad or pair.z.requires_grad):
            return False
        if pair.share is not None and not lost & pair.share.keys():
            return False
        # under manual optimisation this may be the backward of a loss that has nothing to do with x and z
        return pl_module.automatic_optimization or any(dependencies(loss, pair.sources))

    def _inject(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor, pair: Captured, lost: set[nn.Parameter]
    ) -> None:
        """Give the term's gradient of a pair to the loss, or hold it for the host's parameters."""
        if pair.share is not None:  # the host cleared what an earlier backward of this pair had brought
            self._store.add({parameter: g for parameter, g in pair.share.items() if parameter in lost})
            return
        if not self._injected:
            refuse_reentrant_checkpoint(pair, self.x, self.z)
        through = [tensor for tensor in (pair.x, pair.z) if tensor.requires_grad]
        x, z = detached(pair.x, pl_module), detached(pair.z, pl_module)
        found = slopes(self._ascent.ready(trainer, pl_module, x, z), pair, x, z)
        share = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
        weight = (-self.beta if self.direction == "maximize" else self.beta) / share
        scale = _scale(trainer, pl_module)
        if self._joins_loss(trainer, pl_module, loss, through):
            join_loss(loss, through, found, weight * scale)
            pair.share = {}
        else:
            pair.share = gradients(pl_module, through, found, weight, scale)
            self._store.add(pair.share)
        self._injected = True

    def _joins_loss(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor, through: Sequence[Tensor]
    ) -> bool:
        """Return whether one backward can compute both gradients, which spares a second pass through the host.

        Not where one of them must be known alone, to clip by it or to log its norm.
        """
        if not pl_module.automatic_optimization or any(t.adaptive_clip for t in self._joined_terms(trainer)):
            return False
        return not _is_logged(trainer) and all(dependencies(loss, through))

    def _check_captures(self, pl_module: LightningModule, pair: Captured | None) -> None:
        """Say what is off if the term has not reached the host by now."""
        self._checked = True
        host = type(pl_module).__name__
        if self._injected:
            return
        if pair is None and self.mine is None:
            raise InputError(self._recorder.explain_missing(pl_module))
        if self.beta == 0:
            return
        if pair is not None and not (pair.x.requires_grad or pair.z.requires_grad):
            raise InputError(
                f"Expected x or z to depend on {host}'s parameters but neither {self.x!r} nor {self.z!r} carries a "
                "gradient; capture a tensor that the host computes, or watch it with beta=0."
            )
        if not self._backward_seen:
            raise InputError(
                f"Expected {host} to call self.manual_backward(loss) but Lightning saw no backward in its first "
                "batches; loss.backward() bypasses every callback."
            )
        if not pl_module.automatic_optimization:
            raise InputError(
                f"Expected a loss of {host} to depend on {self.x!r} or {self.z!r} but none did in its first batches; "
                "under manual optimisation the term joins the backward of the loss that runs through them."
            )

    # --- held-out pairs

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._held_out.clear()

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self.mine is not None and trainer.validating and not self._held_out.full:
            self._recorder.arm(pl_module, batch, need_grad=False)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self.mine is None or self._held_out.full:
            return
        pair = self._recorder.newest(pl_module)
        if pair is not None and len(pair.x) >= 2:
            x, z = detached(pair.x, pl_module), detached(pair.z, pl_module)
            self._held_out.add(self.mine, x, z, batch_idx)
        self._recorder.disarm()

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.mine is None:
            return
        estimate = self._held_out.estimate(self.mine, self._ranks, trainer.world_size)
        self._held_out.clear()
        if estimate is None:
            return
        value, stderr = estimate
        prefix = f"val/{self.name}_mi" if self.name else "val/mi"
        pl_module.log(prefix, value, sync_dist=True)
        pl_module.log(f"{prefix}_stderr", stderr, sync_dist=True)
        self._health.judge(value.item(), stderr.item())

    def _joined_terms(self, trainer: Trainer) -> list[MINERegularizer]:
        """Return the instances that change the host's gradient, in an order that the user's list does not decide."""
        terms = [c for c in trainer.callbacks if isinstance(c, MINERegularizer) and c.beta > 0]  # type: ignore[attr-defined]
        return sorted(terms, key=lambda term: term.state_key) if self in terms else [self]

    # --- what is logged

    def _log_name(self, key: str) -> str:
        return f"mine/{self.name}/{key}" if self.name else f"mine/{key}"

    def _log(self, pl_module: LightningModule, key: str, value: Tensor, prog_bar: bool = False) -> None:
        pl_module.log(self._log_name(key), value.detach(), prog_bar=prog_bar, on_step=True, on_epoch=False)


def _default_optimizer(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=2e-4)


def _is_logged(trainer: Trainer) -> bool:
    """Return whether Lightning writes what is logged in this batch, by its own count, and not only keeps it at hand."""
    interval = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return interval > 0 and (trainer.fit_loop.epoch_loop._batches_that_stepped + 1) % interval == 0


def _scale(trainer: Trainer, pl_module: LightningModule) -> Tensor | float:
    """Return what the precision plugin multiplies losses with: 1 without a loss scaler; a tensor, to spare a sync."""
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    return 1.0 if scaler is None else scaler.scale(torch.ones((), device=pl_module.device))
