"""One statistics network, trained by MINE under a Lightning Trainer and stopped where validation pairs say so."""

from __future__ import annotations

import contextlib
import copy
import itertools
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from mine_lightning.bounds import Bound, InfoNCE, JensenShannon
from mine_lightning.errors import InputError
from mine_lightning.estimation.pairs import Pairs
from mine_lightning.estimation.value import score_matrix
from mine_lightning.estimator import MINE
from mine_lightning.pairing import AllOthers, Derangements, Pairing
from mine_lightning.types import scores_all_pairs

__all__ = ["Ascents", "AverageAndStop", "Batches", "Point", "Stretches", "Training", "split", "train"]


@dataclass(frozen=True)
class Training:
    """How T is trained; the defaults are those that :func:`mine_lightning.estimate_mi` chooses by the data's size.

    Attributes:
        batch_size: pairs in a batch.
        max_steps: optimizer steps at most.
        check_every: optimizer steps between two looks at the validation pairs.
        patience: looks without a better value after which training stops.
        learning_rate: of Adam.
        decay: of the moving average of T's weights, which is what is kept.
    """

    batch_size: int
    max_steps: int
    check_every: int
    patience: int = 6
    learning_rate: float = 2e-3
    decay: float = 0.98

    @staticmethod
    def for_size(n: int, max_steps: int | None = None) -> Training:
        """Return the defaults for n training pairs: at most 25 epochs, in at least 600 and at most 8,000 steps.

        Args:
            n: training pairs.
            max_steps: in the place of the last three.
        """
        power_of_two = 2 ** int(math.log2(max(1, n / 20)))
        batch_size = min(1024, max(64, power_of_two), n)
        epoch = n // batch_size
        steps = min(8000, max(600, 25 * epoch)) if max_steps is None else max_steps
        return Training(batch_size, steps, min(200, max(20, epoch // 2)))


@dataclass(frozen=True)
class Point:
    """A point of the learning curve.

    Attributes:
        step: optimizer steps done.
        nats: Donsker-Varadhan value on the validation pairs.
    """

    step: int
    nats: float


class Batches:
    """Endless batches (x, z), cut from the pairs in one go; the order is set by the seed.

    Args:
        pairs: what to cut from.
        index: the pairs that count.
        size: pairs in a batch; all of them where there are fewer.
        seed: of the order.
    """

    def __init__(self, pairs: Pairs, index: Tensor, size: int, seed: int) -> None:
        self.pairs, self.index, self.size, self.seed = pairs, index, min(size, len(index)), seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            order = self.index[torch.randperm(len(self.index), generator=generator)]
            for start in range(0, len(order) - self.size + 1, self.size):
                yield self.pairs[order[start : start + self.size]]


class Stretches:
    """The batches of a whole training, in stretches between two looks at the validation pairs; each is read once.

    Args:
        batches: endless.
        training: how many there are in all, and in a stretch.
    """

    def __init__(self, batches: Batches, training: Training) -> None:
        self.batches, self.training = batches, training

    def __len__(self) -> int:
        return math.ceil(self.training.max_steps / self.training.check_every)

    def __iter__(self) -> Iterator[Iterator[tuple[Tensor, Tensor]]]:
        stream, left = iter(self.batches), self.training.max_steps
        for _ in range(len(self)):
            # cut when the update comes, so that memory holds one batch
            yield itertools.islice(stream, min(self.training.check_every, left))
            left -= self.training.check_every


class Ascents(MINE):
    """MINE whose Lightning step is a stretch of updates.

    The Trainer's own work for a step, its hooks and its progress, is a fifth of an update of two milliseconds.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Update T on each batch of a stretch."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        for pairs in batch:
            loss = super().training_step(pairs, batch_idx)
            assert loss is not None  # a fold has no batch of one pair
            optimizer.zero_grad()  # type: ignore[union-attr]
            loss.backward()
            optimizer.step()  # type: ignore[union-attr]


class AverageAndStop(Callback):
    """Average T's weights, look at validation pairs every so often, keep the best average, stop when none follows.

    What is compared is what T ascends, on the validation pairs; the truth is nowhere in it.

    Args:
        x: validation samples, few enough to combine all of them.
        z: their partners.
        training: how often, how long, and the average's decay.
        tell: called with each point of the learning curve.
        by_value: whether the bound's value is what is compared, in the place of its objective: the objective of
            Donsker-Varadhan moves with T's free constant.
    """

    def __init__(
        self,
        x: Tensor,
        z: Tensor,
        training: Training,
        tell: Callable[[Point], None] | None = None,
        by_value: bool = False,
    ) -> None:
        self.x, self.z, self.training, self.tell, self.by_value = x, z, training, tell, by_value
        self.curve: list[Point] = []
        self.best: nn.Module | None = None
        self._score, self._waited, self._step = -float("inf"), 0, 0

    @property
    def kept(self) -> nn.Module:
        """The best average of T.

        Raises:
            InputError: where T never had a finite value.
        """
        if self.best is None:
            raise InputError(
                "Expected T's values to be finite but none was in the whole training; "
                "give a statistics_network with smaller weights, or fewer extreme x and z."
            )
        return self.best

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        network: nn.Module = pl_module.statistics_network  # type: ignore[assignment]
        self._average = copy.deepcopy(network).eval().requires_grad_(False)
        # what T keeps beside weights, such as moments of its batches, belongs to the newest ones
        self._buffers = list(zip(self._average.buffers(), network.buffers(), strict=True))
        self._source = [parameter.detach() for parameter in network.parameters()]
        self._target = [parameter.detach() for parameter in self._average.parameters()]

        trainer.optimizers[0].register_step_post_hook(self._updated)

    def _updated(self, *_: Any) -> None:
        self._step += 1
        # a plain mean at first, so that the initial weights are soon forgotten
        decay = min(self.training.decay, self._step / (self._step + 9))
        torch._foreach_lerp_(self._target, self._source, 1 - decay)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self._look(self._step, pl_module.bound)  # type: ignore[arg-type]
        trainer.should_stop = self._waited >= self.training.patience

    @torch.no_grad()
    def _look(self, step: int, bound: Bound) -> None:
        for kept, newest in self._buffers:
            kept.copy_(newest)
        scores = score_matrix(self._average, self.x, self.z)
        joint, marginal = split(scores)
        bound.eval()
        score = (bound(joint, marginal) if self.by_value else bound.objective(joint, marginal)).item()
        bound.train()
        partition = torch.logsumexp(marginal.flatten(), 0) - torch.tensor(float(marginal.numel())).log()
        self.curve.append(Point(step, (joint.mean() - partition).item()))
        if self.tell is not None:
            self.tell(self.curve[-1])
        if score > self._score:
            self._score, self._waited, self.best = score, 0, copy.deepcopy(self._average)
        else:
            self._waited += 1


def split(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return joint ``[n]`` and marginal ``[n, k]`` scores of a matrix whose left-out pairs are -inf, k in each row."""
    n = len(scores)
    # without the diagonal: what follows the first entry falls into n - 1 rows that each end in one of the diagonal
    others = scores.flatten()[1:].view(n - 1, n + 1)[:, :-1].reshape(n, n - 1)
    if others[0].isfinite().all():
        return scores.diagonal(), others
    return scores.diagonal(), others[others.isfinite()].view(n, -1)


def train(
    network: Callable[..., nn.Module],
    pairs: Pairs,
    training_index: Tensor,
    validation_index: Tensor,
    training: Training,
    seed: int,
    tell: Callable[[Point], None] | None = None,
    bound: Bound | None = None,
) -> AverageAndStop:
    """Train T from the shapes of x and z and return the callback, with the best average of T and the learning curve.

    A T that scores all pairs at once is trained by InfoNCE, anchored so that T is the log of the density's ratio,
    with all others of the batch as marginals; any other by the Jensen-Shannon objective with four.

    Args:
        network: makes T from two shapes.
        pairs: all pairs.
        training_index: the pairs to train on.
        validation_index: the pairs that choose where to stop.
        training: how.
        seed: of T's weights, of the batches and of the marginals.
        tell: called with each point of the learning curve.
        bound: what T ascends and is stopped by, in the place of the two.
    """
    mine = _mine(network, pairs.shapes, training, seed, bound)
    by_value = bound is not None and bound.shift_invariant
    stop = AverageAndStop(*pairs[validation_index], training, tell, by_value)
    with _quiet():
        trainer = Trainer(
            max_epochs=1,
            accelerator="cpu",
            devices=1,
            callbacks=[stop],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        batches = Batches(pairs, training_index, training.batch_size, seed)
        trainer.fit(mine, Stretches(batches, training))
    return stop


def _mine(network: Callable[..., nn.Module], shapes: Any, training: Training, seed: int, bound: Bound | None) -> MINE:
    def optimizer(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=training.learning_rate, fused=True)  # a third of a step otherwise

    x_shape, z_shape = shapes
    trial = MINE(network, x_shape, z_shape, seed=seed)
    scores_all = scores_all_pairs(trial.statistics_network)
    pairing: Pairing = AllOthers() if scores_all else Derangements(4)
    if bound is None:
        bound = InfoNCE(anchor=0.5) if scores_all else JensenShannon()
    # logging is a good part of a step of two milliseconds
    mine = Ascents(network, x_shape, z_shape, bound, pairing, optimizer, seed, log_every=training.max_steps)
    if mine.statistics_network is trial.statistics_network:  # trained on, from fold to fold, it would know all pairs
        raise InputError(
            "Expected a new T each time that statistics_network is called but it returned the same one twice; make it "
            "within the function."
        )
    return mine


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning, which greets every Trainer and remarks on small ones."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
