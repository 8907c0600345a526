"""``estimate_mi``: how many nats two arrays share."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.estimation.calibration import Calibrated, calibrated
from mine_lightning.estimation.consistency import check
from mine_lightning.estimation.held_out import Value, joint_scores, score_matrix, value_of
from mine_lightning.estimation.pairs import Pairs, Side, read_pairs
from mine_lightning.estimation.result import MIEstimate
from mine_lightning.estimation.training import Point, Training, train
from mine_lightning.networks.separable import BilinearStatistics, SeparableStatistics
from mine_lightning.types import StatisticsFactory

__all__ = ["estimate_mi"]

EMBEDDING = 32
VALIDATION = (0.1, 1000)  # share of the training pairs that choose where to stop, and the most of them
GAP_PAIRS = 20_000  # training pairs that T is scored on again, at most


def estimate_mi(
    x: Any,
    z: Any = None,
    *,
    gaussianise: bool = True,
    statistics_network: StatisticsFactory | None = None,
    folds: int = 3,
    max_steps: int | None = None,
    seed: int = 0,
    checks: bool = False,
    progress: bool = False,
) -> MIEstimate:
    r"""Return the mutual information of x and z in nats, with its error.

    The pairs are cut in folds. For each, a statistics network is trained by :class:`mine_lightning.MINE` on the other
    folds, a tenth of which choose where to stop and how to scale it, and the Donsker-Varadhan bound is read on the
    fold itself, on all combinations of its x and z. The value is the mean over the folds: each pair counts once, and
    for none has T been trained on it.

    Mutual information does not change under one-to-one maps of each side. Vectors therefore get standard normal
    margins first, by the rank of each coordinate, so that heavy tails and units do not matter; images are
    standardised; labels (at most 50 distinct whole numbers, booleans, or a pandas category, one a sample) become
    one-hot.

    Source: Belghazi et al., Mutual Information Neural Estimation, ICML 2018; cross-fitting as in Chernozhukov et al.,
    Double/Debiased Machine Learning, 2018.

    Args:
        x: samples ``[n]``, ``[n, d]`` or images ``[n, height, width]`` or ``[n, channels, height, width]``: a NumPy
            array, a tensor, a pandas object, or a Dataset of pairs (x, z). A memory-mapped array stays on disk.
        z: their partners, likewise; None beside a Dataset.
        gaussianise: whether vectors get normal margins; otherwise they are standardised.
        statistics_network: makes T from the shapes of x and z; :class:`~mine_lightning.networks.SeparableStatistics`
            by default, with convolutions for images, and a bilinear form beside it where both sides have more
            dimensions than half its embedding.
        folds: parts of the data, at least 2.
        max_steps: optimizer steps a fold at most; by the size of the data by default.
        seed: sets everything that is random; the global random state does not move.
        checks: whether to run the estimate on related data for which the answer is known: independent pairs, a
            function of z beside z, and two independent copies (four times the time).
        progress: whether to write the running estimate to the standard error stream.

    Returns:
        The estimate; ``print`` it, or read ``nats``, ``stderr``, ``interval``, ``warnings``.

    Raises:
        InputError: for input that no estimate can be made from; one sentence says why.

    Example:
        >>> import torch
        >>> from mine_lightning import estimate_mi
        >>> x = torch.randn(500)
        >>> estimate_mi(x, x + torch.randn(500), max_steps=50).n
        500
    """
    if folds < 2:
        raise InputError(f"Expected at least 2 folds but got {folds}; T must be read on pairs it was not trained on.")
    if max_steps is not None and max_steps < 1:
        raise InputError(f"Expected max_steps >= 1 but got {max_steps}.")
    if seed < 0:
        raise InputError(f"Expected seed >= 0 but got {seed}.")

    def of(left: Side, right: Side) -> MIEstimate:
        pairs = Pairs(left, right, gaussianise, seed)
        networks = [statistics_network] if statistics_network is not None else _networks(pairs.shapes)
        training = Training.for_size(len(pairs) - len(pairs) // folds)
        if max_steps is not None:
            training = replace(training, max_steps=max_steps)
        fitted = _cross_fit(pairs, networks, training, folds, seed, progress)
        settings = {"gaussianise": gaussianise, "folds": folds, "seed": seed, **asdict(training)}
        return _estimate(fitted, pairs, networks, settings)

    sides = read_pairs(x, z)
    if len(sides[0].raw) < 10 * folds:
        raise InputError(
            f"Expected at least 10 pairs a fold but got {len(sides[0].raw)} for {folds} folds; give fewer folds."
        )
    estimate = of(*sides)
    return replace(estimate, checks=check(estimate, *sides, of)) if checks else estimate


def _networks(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> list[StatisticsFactory]:
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


def _cross_fit(
    pairs: Pairs,
    networks: list[StatisticsFactory],
    training: Training,
    folds: int,
    seed: int,
    progress: bool,
) -> list[Fold]:
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


def _estimate(
    fitted: list[Fold], pairs: Pairs, networks: list[StatisticsFactory], settings: dict[str, Any]
) -> MIEstimate:
    n = len(pairs)
    nats = sum(fold.value.nats * fold.value.n for fold in fitted) / n
    stderr = math.sqrt(sum(fold.value.variance * fold.value.n for fold in fitted)) / n
    # the same pairs enter both, so that their noise does not
    gap = max(0.0, sum(fold.seen.nats for fold in fitted) / len(fitted) - nats)
    return MIEstimate(
        nats=nats,
        stderr=stderr,
        interval=(nats - 2 * stderr, nats + 2 * stderr + 2 * gap),
        curve=[fold.curve for fold in fitted],
        n=n,
        settings={
            "statistics_network": [getattr(network, "__name__", repr(network)) for network in networks],
            "x": {"shape": pairs.shapes[0], "margin": pairs.margins[0].name},
            "z": {"shape": pairs.shapes[1], "margin": pairs.margins[1].name},
            **settings,
        },
        warnings=_warnings(fitted, nats, gap, n),
    )


def _warnings(fitted: list[Fold], nats: float, gap: float, n: int) -> list[str]:
    info_nce = sum(fold.value.info_nce * fold.value.n for fold in fitted) / n
    log_k = sum(fold.value.log_k * fold.value.n for fold in fitted) / n
    found = []
    if nats > 0.8 * math.log(n):
        found.append(
            f"{nats:.1f} nats is near ln(n) = {math.log(n):.1f}, above which no lower bound from {n:,} pairs can be "
            "trusted (McAllester and Stratos, 2020); the truth may be far higher."
        )
    if info_nce > 0.9 * log_k:
        found.append(
            f"T tells a partner from {math.exp(log_k) - 1:.0f} others almost without error (InfoNCE {info_nce:.2f} of "
            f"at most {log_k:.2f} nats), so that these pairs can't tell the truth from a higher one."
        )
    if gap > max(0.2, 0.25 * abs(nats)):
        found.append(
            f"T overfits: it scores {gap:.2f} nats more on the pairs it was trained on; more pairs or fewer dimensions "
            "would raise the estimate."
        )
    return found
