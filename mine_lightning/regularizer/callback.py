"""MINERegularizer: a mutual-information term for any LightningModule, attached from outside."""

from __future__ import annotations

import math
from typing import Any, Literal, final

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from mine_lightning.bounds import Bound, DonskerVaradhan
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE, joined
from mine_lightning.networks.statistics import MLPStatistics
from mine_lightning.pairing import Derangements, Pairing
from mine_lightning.regularizer.capture import Capture, Captured, Recorder
from mine_lightning.regularizer.merge import GradientStore, average_over_ranks, depends_on
from mine_lightning.types import OptimizerFactory, Shape, StatisticsFactory

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

    Logs, per training step: ``mine/mi`` (nats, before T's update), ``mine/g_u``, ``mine/g_m`` and ``mine/clip`` (the
    factor on g_m); per validation: ``val/mi`` and ``val/mi_stderr`` (nats, on pairs that T was not trained on).

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
        self.mine: MINE | None = None
        self._recorder = Recorder(Capture.parse(x), Capture.parse(z))
        self._store = GradientStore()
        self._mine_optimizer: torch.optim.Optimizer | None = None
        self._restored: dict[str, Any] = {}
        self._held_out_scores: list[tuple[Tensor, Tensor]] = []
        self._backward_seen = self._injected = self._checked = False

    # --- what is saved

    @property
    def state_key(self) -> str:
        return self._generate_state_key(x=self.x, z=self.z, direction=self.direction, name=self.name)

    def state_dict(self) -> dict[str, Any]:
        if self.mine is None or self._mine_optimizer is None:
            return self._restored
        return {
            "shapes": self._shapes,
            "mine": self.mine.state_dict(),
            "optimizer": self._mine_optimizer.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict
        if self.mine is not None:
            self._apply_restored()

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

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._backward_seen = self._injected = self._checked = False
        self._recorder.attach(pl_module)
        if self._restored and self.mine is None:
            self._build(trainer, pl_module, *(tuple(shape) for shape in self._restored["shapes"]))
        elif self.mine is not None:
            self.mine.to(pl_module.device)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._let_go()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._let_go()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self._recorder.detach()
        self._store.clear()
        self._held_out_scores.clear()

    # --- a training step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._recorder.arm(pl_module, batch)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        self._backward_seen = True
        pair = self._recorder.newest(pl_module)
        if self.beta == 0 or pair is None or pair.injected or len(pair.x) < 2:
            return
        if not (pair.x.requires_grad or pair.z.requires_grad):
            return
        # under manual optimisation this may be the backward of a loss that has nothing to do with x and z
        if not pl_module.automatic_optimization and not depends_on(loss, pair.sources):
            return
        self._inject(trainer, pl_module, pair)
        pair.injected = True

    def on_before_zero_grad(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        self._store.drop(optimizer)  # automatic optimisation only: no hook tells of it under manual

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        # a scaler leaves the gradients of fused optimizers scaled, since these unscale them in their own step
        scaled = getattr(optimizer, "_step_supports_amp_scaling", False)
        merged = self._store.merge(optimizer, self.adaptive_clip, _scale(trainer, pl_module) if scaled else 1.0)
        if merged is not None:
            self._log(pl_module, "g_u", merged.g_u)
            self._log(pl_module, "g_m", merged.g_m)
            self._log(pl_module, "clip", merged.factor)

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
        if pair is not None and len(pair.x) >= 2:
            self._update(trainer, pl_module, _detached(pair.x, pl_module), _detached(pair.z, pl_module))
        self._recorder.disarm()

    def _inject(self, trainer: Trainer, pl_module: LightningModule, pair: Captured) -> None:
        """Hold the term's gradient for the host's parameters; the host's graph and ``.grad`` stay as they are."""
        through = [tensor for tensor in (pair.x, pair.z) if tensor.requires_grad]
        x, z = (_detached(t, pl_module).requires_grad_(t.requires_grad) for t in (pair.x, pair.z))
        mine = self._ready(trainer, pl_module, x, z)
        with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
            value = mine.bound(*mine.scores(x, z))
            slopes = torch.autograd.grad(value, [leaf for leaf in (x, z) if leaf.requires_grad])
        sign = -1.0 if self.direction == "maximize" else 1.0
        share = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
        scale = _scale(trainer, pl_module)
        weight = sign * self.beta / share * scale
        parameters = [parameter for parameter in pl_module.parameters() if parameter.requires_grad]
        gradients = torch.autograd.grad(
            through,
            parameters,
            [(slope * weight).to(tensor.dtype) for slope, tensor in zip(slopes, through, strict=True)],
            retain_graph=True,
            allow_unused=True,
        )
        self._store.add(parameters, gradients, scale, told_of_clearing=pl_module.automatic_optimization)
        self._injected = True

    def _update(self, trainer: Trainer, pl_module: LightningModule, x: Tensor, z: Tensor) -> None:
        """Let T ascend on a batch."""
        mine = self._ready(trainer, pl_module, x, z)
        assert self._mine_optimizer is not None
        parameters = [p for group in self._mine_optimizer.param_groups for p in group["params"]]
        for step in range(self.t_steps):
            with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
                objective, value = mine.objective(x, z)
                found = torch.autograd.grad(-objective, parameters, allow_unused=True)
            gradients = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
            average_over_ranks(gradients)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            self._mine_optimizer.step()
            self._mine_optimizer.zero_grad()
            mine.updates += 1
            if step == 0:
                self._log(pl_module, "mi", value, prog_bar=True)

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
        self._held_out_scores.clear()

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self.mine is not None and trainer.validating and not self._held_out_full():
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
        if self.mine is None or self._held_out_full():
            return
        pair = self._recorder.newest(pl_module)
        if pair is not None and len(pair.x) >= 2:
            self.mine.eval()
            x, z = _detached(pair.x, pl_module), _detached(pair.z, pl_module)
            with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
                self._held_out_scores.append(self.mine.scores(x, z, f"validation {batch_idx}"))
            self.mine.train()
        self._recorder.disarm()

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.mine is None or not self._held_out_scores:
            return
        joint, marginal = joined(self._held_out_scores)
        prefix = f"val/{self.name}_mi" if self.name else "val/mi"
        pl_module.log(prefix, self.mine.bound(joint, marginal).float(), sync_dist=True)
        # of n independent shares of the pairs the mean has 1/sqrt(n) of a share's error
        stderr = self.mine.bound.stderr(joint, marginal).float() / math.sqrt(trainer.world_size)
        pl_module.log(f"{prefix}_stderr", stderr, sync_dist=True)
        self._held_out_scores.clear()

    def _held_out_full(self) -> bool:
        return sum(len(joint) for joint, _ in self._held_out_scores) >= self.held_out

    # --- T

    def _ready(self, trainer: Trainer, pl_module: LightningModule, x: Tensor, z: Tensor) -> MINE:
        """Return MINE, built for the shapes of x and z the first time."""
        if self.mine is None:
            self._build(trainer, pl_module, tuple(x.shape[1:]), tuple(z.shape[1:]))
        elif (tuple(x.shape[1:]), tuple(z.shape[1:])) != tuple(tuple(shape) for shape in self._shapes):
            x_shape, z_shape = self._shapes
            raise InputError(
                f"Expected x and z of shape {list(x_shape)} and {list(z_shape)} a sample, as in the first batch, but "
                f"got {list(x.shape[1:])} and {list(z.shape[1:])}; captures must keep their shape."
            )
        assert self.mine is not None
        return self.mine

    def _build(self, trainer: Trainer, pl_module: LightningModule, x_shape: Shape, z_shape: Shape) -> None:
        self._shapes = [list(x_shape), list(z_shape)]
        mine = MINE(self.statistics_network, x_shape, z_shape, self.bound, self.pairing, self.optimizer, self.seed)
        self.mine = mine.to(pl_module.device, _precision(pl_module)).train()
        for tensor in self.mine.state_dict().values():
            if isinstance(tensor, Tensor):
                tensor.copy_(trainer.strategy.broadcast(tensor))
        self._mine_optimizer = self.mine.configure_optimizers()
        if self._restored:
            self._apply_restored()

    def _apply_restored(self) -> None:
        assert self.mine is not None
        assert self._mine_optimizer is not None
        try:
            self.mine.load_state_dict(self._restored["mine"])
            self._mine_optimizer.load_state_dict(self._restored["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise InputError(
                "Expected the statistics network and optimizer that the checkpoint was written with but they differ "
                f"({' '.join(str(error).split())[:200]}); resume with the same, or start anew."
            ) from error
        self._restored = {}

    def _log(self, pl_module: LightningModule, key: str, value: Tensor, prog_bar: bool = False) -> None:
        prefix = f"mine/{self.name}" if self.name else "mine"
        pl_module.log(f"{prefix}/{key}", value.detach(), prog_bar=prog_bar, on_step=True, on_epoch=False)


def _default_optimizer(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=2e-4)


def _precision(pl_module: LightningModule) -> torch.dtype:
    """Return the precision of T: float32, or float64 for a host in it; never a half."""
    return torch.float64 if pl_module.dtype == torch.float64 else torch.float32


def _detached(tensor: Tensor, pl_module: LightningModule) -> Tensor:
    """Return a tensor outside of the host's graph, in the precision of T."""
    return tensor.detach().to(_precision(pl_module))


def _scale(trainer: Trainer, pl_module: LightningModule) -> Tensor | float:
    """Return what the precision plugin multiplies losses with: 1 without a loss scaler; a tensor, to spare a sync."""
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    return 1.0 if scaler is None else scaler.scale(torch.ones((), device=pl_module.device))
