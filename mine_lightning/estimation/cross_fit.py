"""T trained on some folds of the pairs and read on the others, so that each pair counts once and none was seen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.estimation.calibration import Calibrated, calibrated
from mine_lightning.estimation.pairs import Pairs
from mine_lightning.estimation.training import Point, Training, train
from mine_lightning.estimation.value import Value, joint_scores, score_matrix, value_of
from mine_lightning.networks.separable import BilinearStatistics, SeparableStatistics
from mine_lightning.types import StatisticsFactory

__all__ = ["Fold", "cross_fit", "networks_for"]

EMBEDDING = 32
VALIDATION = (0.1, 1000)  # share of the training pairs that choose where to stop, and the most of them
GAP_PAIRS = 20_000  # training pairs that T is scored on again, at most


def networks_for(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> list[StatisticsFactory]:
    """Return the networks whose weighted sum is T."""
    networks: list[StatisticsFactory] = [SeparableStatistics]
    # an embedding can't hold a dependence on that many directions; a bilinear form can
    if all(len(shape) == 1 and shape[0] > EMBEDDING // 2 for shape in shapes):
        networks.append(BilinearStatistics)
    return networks


@dataclass
class Fold:
    """What one fold gave: the value on it, that on the pairs its T was trained on, and the learning curve."""

    value: Value
    seen: Value
    curve: list[Point]


def cross_fit(
    pairs: Pairs,
    networks: list[StatisticsFactory],
    training: Training,
    folds: int,
    seed: int,
    progress: bool,
) -> list[Fold]:
    """Return what each fold gave.

    Args:
        pairs: all pairs.
        networks: make the parts of T from the shapes of x and z.
        training: how each is trained.
        folds: parts of the data.
        seed: of the parts, and of what is random in a training.
        progress: whether to write the running estimate to the standard error stream.
    """
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
    parts = order.tensor_split(folds)
    fitted = []
    for k, held_out in enumerate(parts):
        rest = torch.cat([part for j, part in enumerate(parts) if j != k])
        chosen = min(int(VALIDATION[0] * len(rest)), VALIDATION[1])
        tell = _teller(k, folds) if progress else None
        T, curve = _fit(pairs, networks, rest[chosen:], rest[:chosen], training, seed + k, tell)
        seen = value_of(T, pairs, rest[chosen:][:GAP_PAIRS])
        fitted.append(Fold(value_of(T, pairs, held_out), seen, curve))
    if progress:
        print(file=sys.stderr)
    return fitted


def _fit(
    pairs: Pairs,
    networks: list[StatisticsFactory],
    training_index: Tensor,
    validation_index: Tensor,
    training: Training,
    seed: int,
    tell: Callable[[Point], None] | None,
) -> tuple[Calibrated, list[Point]]:
    """Train each network and return their calibrated sum, with the learning curve of the first."""
    trained: list[nn.Module] = []
    curves = []
    for network in networks:
        # a bilinear form starts at zero, with far to go and little to overfit by
        rate = 5 * training.learning_rate if network is BilinearStatistics else training.learning_rate
        how = replace(training, learning_rate=rate)
        stop = train(network, pairs, training_index, validation_index, how, seed, tell)
        if stop.best is None:
            raise InputError(
                "Expected T's values to be finite but none was in the whole training; "
                "give a statistics_network with smaller weights, or fewer extreme x and z."
            )
        trained.append(stop.best)
        curves.append(stop.curve)
    sample = training_index[: 10 * VALIDATION[1]]
    validation = pairs[validation_index]
    scores = [joint_scores(network, pairs, sample) for network in trained]
    return calibrated(trained, scores, [score_matrix(network, *validation) for network in trained]), curves[0]


def _teller(fold: int, folds: int) -> Callable[[Point], None]:
    def tell(point: Point) -> None:
        print(f"\rfold {fold + 1} of {folds}, step {point.step}: {point.nats:.3f} nats ", end="", file=sys.stderr)

    return tell
