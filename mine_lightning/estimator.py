"""MINE: a statistics network T, a bound on the mutual information, and the optimizer that makes T tight."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.rank_zero import rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer

from mine_lightning.batch_order import SORTED, BatchOrder
from mine_lightning.bounds import Bound, DonskerVaradhan
from mine_lightning.errors import InputError, check_kind
from mine_lightning.held_out import HeldOut
from mine_lightning.networks import (
    BlurredStatistics,
    CoarseStatistics,
    ConvStatistics,
    MLPStatistics,
    SeparableStatistics,
    StandardisedStatistics,
)
from mine_lightning.networks.separable import BilinearStatistics
from mine_lightning.pairing import Derangements, Pairing
from mine_lightning.processes import alone, rank
from mine_lightning.streams import private_stream
from mine_lightning.types import OptimizerFactory, Shape, StatisticsFactory, made, scores_all_pairs

__all__ = ["MINE", "check_parts"]

_ENDING_IN_THEIR_OUTPUT = (MLPStatistics, BlurredStatistics, ConvStatistics, SeparableStatistics, BilinearStatistics)


class MINE(LightningModule):
    """Mutual Information Neural Estimation, trainable by a plain Trainer on pairs (x, z).

    A batch is ``(x, z)``, x ``[n, *x_shape]`` and z ``[n, *z_shape]``, samples of the joint distribution; pairs from
    the product of marginals are made within the batch. Logs ``mine/mi`` in training, the value in nats before T's
    update, and ``val/mi`` in validation, the value over all held-out pairs, with its standard error ``val/mi_stderr``.

    Whatever is random here, T's initial weights, its noise layers and the pairing, is drawn from a private stream set
    by (seed, rank, update): the global random state does not move.

    Source: Belghazi et al., Mutual Information Neural Estimation, ICML 2018, algorithm 1.

    Args:
        statistics_network: T, an ``nn.Module`` called as ``T(x, z) -> [n]``, or a callable from the shapes of x and z
            (without the batch axis) to one.
        x_shape: shape of one x; needed where ``statistics_network`` is a callable.
        z_shape: shape of one z; likewise.
        bound: the bound that T makes tight; Donsker-Varadhan with its moving average by default.
        pairing: how marginal samples are drawn; one derangement of the batch by default.
        optimizer: callable from T's parameters to an optimizer.
        seed: of the private stream.
        log_every: updates between two values of ``mine/mi``; where a step takes a few milliseconds, logging each of
            them is a good part of it.

    Raises:
        InputError: if ``statistics_network`` is a callable and a shape is missing.

    Examples:
        >>> import torch
        >>> from mine_lightning import MINE, MLPStatistics
        >>> mine = MINE(MLPStatistics, x_shape=(1,), z_shape=(1,))
        >>> mine.estimate(torch.randn(64, 1), torch.randn(64, 1)).shape
        torch.Size([])
    """

    def __init__(
        self,
        statistics_network: nn.Module | StatisticsFactory,
        x_shape: Shape | None = None,
        z_shape: Shape | None = None,
        bound: Bound | None = None,
        pairing: Pairing | None = None,
        optimizer: OptimizerFactory = torch.optim.Adam,
        seed: int = 0,
        log_every: int = 1,
    ) -> None:
        super().__init__()
        check_parts(statistics_network, bound, pairing, optimizer)
        if seed < 0:
            raise InputError(f"Expected seed >= 0 but got {seed}.")
        if log_every < 1:
            raise InputError(f"Expected log_every >= 1 update but got {log_every}.")
        self.log_every = log_every
        self.seed = seed
        self.updates = 0
        self.bound = DonskerVaradhan() if bound is None else bound
        self.pairing = Derangements() if pairing is None else pairing
        self.optimizer = optimizer
        self.statistics_network = self._build(statistics_network, x_shape, z_shape)
        unseen = self._unseen()
        if unseen is not None and not isinstance(statistics_network, nn.Module):  # a finished one is the user's
            unseen.requires_grad_(False)
        self._held_out = HeldOut()
        self._order = BatchOrder()
        self._has_run = False

    def _build(self, network: nn.Module | StatisticsFactory, x_shape: Shape | None, z_shape: Shape | None) -> nn.Module:
        if isinstance(network, nn.Module):
            return network
        if x_shape is None or z_shape is None:
            raise InputError(
                "Expected x_shape and z_shape beside a statistics_network that is a callable, but one is missing; "
                "give both, or a finished nn.Module."
            )
        for name, shape in (("x_shape", x_shape), ("z_shape", z_shape)):
            if not isinstance(shape, Sequence):
                raise InputError(f"Expected {name} to be a shape but got {shape!r}; give ({shape!r},).")
        try:
            with _stream(torch.device("cpu"), self.seed, "init"):
                built = network(tuple(x_shape), tuple(z_shape))
        except ValueError as error:  # a network's own check of the shapes
            raise InputError(str(error)) from error
        except TypeError as error:
            raise InputError(
                f"Expected statistics_network to make a module from the shapes of x and z, {tuple(x_shape)} and "
                f"{tuple(z_shape)}, but it failed: {' '.join(str(error).split())}."
            ) from error
        if not isinstance(built, nn.Module):
            raise InputError(
                f"Expected statistics_network to make a module from the shapes of x and z but it made {built!r}; "
                "return the network."
            )
        return built

    def _unseen(self) -> nn.Parameter | None:
        """Return what T adds to each score, where the bound does not see it; it is not trained."""
        return _constant_of(self.statistics_network) if self.bound.shift_invariant else None

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Return T's scores ``[n]`` of the pairs (x, z)."""
        return self.statistics_network(x, z)

    def scores(self, x: Tensor, z: Tensor, draw: str = "host") -> tuple[Tensor, Tensor]:
        """Return T's scores on the joint, ``[n]``, and on the marginals, ``[n, k]``, from one pass through T.

        For a bound over parts of z, ``[n, parts]`` and ``[n, k, parts]``.

        Args:
            x: samples ``[n, *x_shape]``.
            z: their partners ``[n, *z_shape]``.
            draw: names the random draw of pairs and noise within an update; the same name gives the same draw.

        Raises:
            InputError: if x and z are no tensors of as many samples, T fails on the first that it is given or for their
                precision, or returns scores of another shape.
        """
        self._check_sides(x, z)
        if scores_all_pairs(self.statistics_network):
            with _stream(x.device, self.seed, "matrix", draw, self.updates):
                index = self.pairing(len(x), torch.default_generator).to(x.device)
                matrix = self._run(self.statistics_network.matrix, x, z)
            self._check(matrix, (len(x), len(z)), "matrix")
            partner = index if self.bound.parts is None else index[..., None].expand(-1, -1, self.bound.parts)
            return matrix.diagonal(dim1=0, dim2=1).movedim(-1, 0), matrix.gather(1, partner)
        generator = torch.Generator().manual_seed(_derive(self.seed, "pairs", draw, self.updates))
        index = self.pairing(len(x), generator).to(x.device)
        k = index.shape[1]
        repeated = x.unsqueeze(1).expand(-1, k, *x.shape[1:]).flatten(0, 1)
        with _stream(x.device, self.seed, "noise", draw, self.updates):
            scores = self._run(self, torch.cat([x, repeated]), torch.cat([z, z[index.flatten()]]))
        self._check(scores, (len(x) * (k + 1),), "forward")
        return scores[: len(x)], scores[len(x) :].unflatten(0, (len(x), k))

    def _check_sides(self, x: Tensor, z: Tensor) -> None:
        for name, side in (("x", x), ("z", z)):
            if not isinstance(side, Tensor) or side.ndim == 0:
                kind = "a single number" if isinstance(side, Tensor) else type(side).__name__
                raise InputError(f"Expected {name} as a tensor [n, ...] but got {kind}; give one, float32 as T is.")
        if len(x) != len(z):
            raise InputError(f"Expected as many x as z but got {len(x)} and {len(z)}; give pairs.")

    def _run(self, network: Any, x: Tensor, z: Tensor) -> Tensor:
        """Return T's scores; where they fail for what T was given, say on what."""
        try:
            scores = network(x, z)
        except (InputError, torch.cuda.OutOfMemoryError):
            raise
        except Exception as error:
            own = next((p.dtype for p in self.statistics_network.parameters() if p.is_floating_point()), x.dtype)
            if x.dtype != own or z.dtype != own:
                raise InputError(
                    f"Expected x and z in the precision of T, {_word(own)}, but got {_word(x.dtype)} and "
                    f"{_word(z.dtype)}, on which it failed; give x.to(torch.{_word(own)}), or mine.double()."
                ) from error
            if self._has_run:
                raise
            raise InputError(
                f"Expected the statistics network to take x and z of shape {list(x.shape[1:])} and "
                f"{list(z.shape[1:])} a sample but it failed: {' '.join(str(error).split())[:200]}; make its layers "
                "for these, or give a callable that makes it from both shapes."
            ) from error
        self._has_run = True
        return scores

    def _check(self, scores: Tensor, pairs: tuple[int, ...], method: str) -> None:
        """Refuse scores of another shape than one for each pair and, if the bound has parts, each part."""
        expected = pairs if self.bound.parts is None else (*pairs, self.bound.parts)
        if scores.shape != expected:
            advice = (
                "squeeze its last axis, or take the bound SumOverParts over parts of z"
                if self.bound.parts is None
                else f"give it parts={self.bound.parts} too, as GaussianStatistics takes it"
            )
            raise InputError(
                f"Expected the statistics network's {method} to return scores of shape {list(expected)} for "
                f"{type(self.bound).__name__} but got {list(scores.shape)}; {advice}."
            )

    @torch.no_grad()
    def evaluate(self, x: Tensor, z: Tensor, draw: str) -> tuple[Tensor, Tensor]:
        """Return what :meth:`scores` does, in evaluation mode, without gradient and outside of any autocast."""
        self._check_sides(x, z)
        modes = [(module, module.training) for module in self.modules()]  # a part of T may be frozen in evaluation mode
        self.eval()
        try:
            with torch.autocast(x.device.type, enabled=False):
                return self.scores(x, z, draw)
        finally:
            for module, training in modes:
                module.training = training

    @torch.no_grad()
    def estimate(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the bound's value in nats on pairs (x, z), without gradient and in T's evaluation mode.

        The pairs are those of this process alone; no other needs to ask.
        """
        with alone():
            return self.bound(*self.evaluate(x, z, "estimate"))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor | None:
        x, z = _pair(batch)
        # one pair has no marginal; as the rest of an epoch it is left out, by all processes where one of them has it,
        # since a bound asks the others, and under DDP it has to have a loss
        if self.updates > 0 and not self.trainer.strategy.reduce_boolean_decision(len(x) > 1):
            return None if self.trainer.world_size == 1 else 0 * self(x, z).sum()
        joint, marginal = self.scores(x, z, "update")
        objective = self.bound.objective(joint, marginal)
        if self.updates % self.log_every == 0:
            with torch.no_grad():
                self.log("mine/mi", self.bound(joint, marginal), prog_bar=True)
        self.updates += 1
        return -objective

    def on_validation_epoch_start(self) -> None:
        self._held_out.clear()
        self._order.clear()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, z = _pair(batch)
        if len(x) > 1:  # one pair alone has no marginal
            self._held_out.add(*self.scores(x, z, f"validation {batch_idx}"))
            self._order.add(x, z)

    def on_validation_epoch_end(self) -> None:
        # a process without pairs, as uneven loaders leave one, would log nothing and keep the others waiting
        every = self.trainer.strategy.reduce_boolean_decision(self._held_out.pairs > 0)
        estimate = self._held_out.estimate(self.bound, self.trainer.world_size) if every else None
        if estimate is not None:
            self.log("val/mi", estimate[0], prog_bar=True, sync_dist=True)
            self.log("val/mi_stderr", estimate[1], sync_dist=True)
        if self._order.is_sorted:
            rank_zero_warn(f"val/mi is of what differs within batches alone: {SORTED}")
        self._held_out.clear()

    def configure_optimizers(self) -> Optimizer:
        unseen = self._unseen()
        trained = [p for p in self.parameters() if p.requires_grad and p is not unseen]
        if not trained:
            raise InputError(
                "Expected a statistics network with parameters to train but it has none that requires a gradient; "
                "read one that is finished by mine.estimate(x, z)."
            )
        return made("an optimizer of T", self.optimizer, trained)

    def get_extra_state(self) -> dict[str, int]:
        """Return the number of updates, which sets the private stream."""
        return {"updates": self.updates}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.updates = state["updates"]


def check_parts(statistics_network: Any, bound: Any, pairing: Any, optimizer: Any) -> None:
    """Refuse parts of MINE that are of another kind, as a class in place of an object, before a batch fails on them.

    Args:
        statistics_network: T, or a callable that makes it.
        bound: or None.
        pairing: or None.
        optimizer: a callable that makes it, or None.

    Raises:
        InputError: for the first that is.
    """
    wanted = (
        (
            "statistics_network",
            "a module or a callable that makes one",
            callable(statistics_network),
            statistics_network,
        ),
        ("bound", "a bound such as DonskerVaradhan()", bound is None or isinstance(bound, Bound), bound),
        ("pairing", "a pairing such as Derangements()", pairing is None or _is_made(pairing), pairing),
        ("optimizer", "a callable such as torch.optim.Adam", optimizer is None or callable(optimizer), optimizer),
    )
    for name, kind, fits, found in wanted:
        check_kind(name, kind, fits, found)


def _constant_of(network: nn.Module) -> nn.Parameter | None:
    """Return what is added to each score of T, which a bound that does not see a shift has no gradient for.

    Its gradient there is rounding, which Adam would scale up.
    """
    if isinstance(network, StandardisedStatistics | CoarseStatistics):
        return _constant_of(network.network)
    return network.output.bias if isinstance(network, _ENDING_IN_THEIR_OUTPUT) else None


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, Sequence) or len(batch) != 2 or not all(isinstance(side, Tensor) for side in batch):
        found = f"{len(batch)} entries" if isinstance(batch, Sequence) else type(batch).__name__
        raise InputError(f"Expected batches of two tensors, (x, z), but got {found}; load a TensorDataset(x, z).")
    return batch[0], batch[1]


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _is_made(pairing: Any) -> bool:
    return callable(pairing) and not isinstance(pairing, type)


def _derive(seed: int, *parts: Any) -> int:
    """Return a seed made of the run's seed, this process's rank and the names and numbers in ``parts``."""
    words = [int.from_bytes(part.encode(), "little") if isinstance(part, str) else part for part in parts]
    return int(np.random.SeedSequence([seed, rank(), *words]).generate_state(1, np.uint64)[0] >> 1)


def _stream(device: torch.device, seed: int, *parts: Any) -> AbstractContextManager[None]:
    """Return a private stream of the run's seed, this process's rank and ``parts``."""
    return private_stream(device, _derive(seed, *parts))
