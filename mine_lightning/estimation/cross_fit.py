"""T trained on some folds of the pairs and read on the others, so that each pair counts once and none was seen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mine_lightning.estimation.calibration import Calibrated, calibrated
from mine_lightning.estimation.pairs import Pairs
from mine_lightning.estimation.training import Point, Training, train
from mine_lightning.estimation.value import Value, joint_scores, score_matrix, value_of
from mine_lightning.networks.separable import BilinearStatistics, SeparableStatistics
from mine_lightning.types import StatisticsFactory

__all__ = ["Fold", "Parts", "cross_fit", "networks_for", "parts_of"]

EMBEDDING = 32
VALIDATION = (0.1, 1000)  # share of the training pairs that choose where to stop, and the most of them
LEAST_VALIDATION = 30  # by six, as of 100 pairs, the stop and T's weight are a lottery: values of -1 nat came of it
GAP_PAIRS = 20_000  # training pairs that T is scored on again, at most


def networks_for(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> list[StatisticsFactory]:
    """Return the networks whose weighted sum is T."""
    networks: list[StatisticsFactory] = [SeparableStatistics]
    # an embedding can't hold a dependence on that many directions; a bilinear form can
    if all(len(shape) == 1 and shape[0] > EMBEDDING // 2 for shape in shapes):
        networks.append(BilinearStatistics)
    return networks


class Parts(NamedTuple):
    """Which pairs a fold trains on, chooses where to stop by, and is read on."""

    training: Tensor
    validation: Tensor
    held_out: Tensor


def parts_of(n: int, folds: int, seed: int) -> list[Parts]:
    """Return the parts of each fold of n pairs, whose order the seed sets; each pair is held out once."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    cut = order.tensor_split(folds)
    parts = []
    for k, held_out in enumerate(cut):
        rest = torch.cat([part for j, part in enumerate(cut) if j != k])
        chosen = max(min(int(VALIDATION[0] * len(rest)), VALIDATION[1]), min(LEAST_VALIDATION, len(rest) // 3))
        parts.append(Parts(rest[chosen:], rest[:chosen], held_out))
    return parts


@dataclass
class Fold:
    """What one fold gave: the value on it, that on the pairs its T was trained on, and the learning curve.

    Where T is silent, as it does no good on validation pairs at any weight, the value is 0, and its variance that of T
    as it was trained: a constant has none of its own.
    """

    value: Value
    seen: Value
    curve: list[Point]
    silent: bool = False


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
    fitted = []
    for k, part in enumerate(parts_of(len(pairs), folds, seed)):
        tell = _teller(k, folds) if progress else None
        T, curve = _fit(pairs, networks, part.training, part.validation, training, seed + k, tell)
        seen, value = value_of(T, pairs, part.training[:GAP_PAIRS]), value_of(T, pairs, part.held_out)
        if T.silent:
            value = replace(value, variance=value_of(T.evenly(), pairs, part.held_out).variance)
            seen = value_of(T.evenly(), pairs, part.training[:GAP_PAIRS])  # a constant has no gap, which is no proof
        fitted.append(Fold(value, seen, curve, T.silent))
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
        trained.append(stop.kept)
        curves.append(stop.curve)
    sample = training_index[: 10 * VALIDATION[1]]
    validation = pairs[validation_index]
    scores = [joint_scores(network, pairs, sample) for network in trained]
    return calibrated(trained, scores, [score_matrix(network, *validation) for network in trained]), curves[0]


def _teller(fold: int, folds: int) -> Callable[[Point], None]:
    def tell(point: Point) -> None:
        print(f"\rfold {fold + 1} of {folds}, step {point.step}: {point.nats:.3f} nats ", end="", file=sys.stderr)

    return tell
