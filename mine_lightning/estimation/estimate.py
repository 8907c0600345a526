"""``estimate_mi``: how many nats two arrays share."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.estimation.consistency import check
from mine_lightning.estimation.cross_fit import Fold, cross_fit, networks_for
from mine_lightning.estimation.pairs import Pairs, Side, read_pairs
from mine_lightning.estimation.result import MIEstimate
from mine_lightning.estimation.surroundings import on_its_own
from mine_lightning.estimation.training import Point, Training
from mine_lightning.types import StatisticsFactory

__all__ = ["estimate_mi"]


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
    r"""Return the mutual information of x and z in nats, with its error; pairs have to be drawn independently.

    The pairs are cut in folds. For each, a statistics network is trained by :class:`mine_lightning.MINE` on the other
    folds, a tenth of which (30 to 1,000 pairs) choose where to stop and how to scale it, and the Donsker-Varadhan
    bound is read on the fold itself, on all combinations of its x and z. The value is the mean over the folds: each
    pair counts once, and for none has T been trained on it.

    It runs on the CPU in float32, whatever surrounds the call, and threads that call it wait for each other.

    Mutual information does not change under one-to-one maps of each side. Vectors therefore get standard normal
    margins first, by the rank of each coordinate, so that heavy tails and units do not matter; images are
    standardised; labels (at most 50 distinct whole numbers, booleans, or a pandas category, one a sample) become
    one-hot.

    Source: Belghazi et al., Mutual Information Neural Estimation, ICML 2018; cross-fitting as in Chernozhukov et al.,
    Double/Debiased Machine Learning, 2018.

    Args:
        x: samples ``[n]``, ``[n, d]`` or images ``[n, height, width]`` or ``[n, channels, height, width]``: a NumPy
            array, a tensor, a pandas object, or a Dataset of pairs (x, z). A memory-mapped array stays on disk, unless
            it has to be converted (half precision, unsigned numbers above a byte) or ``checks`` are made.
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

    Examples:
        >>> import torch
        >>> from mine_lightning import estimate_mi
        >>> x = torch.randn(500)
        >>> estimate_mi(x, x + torch.randn(500), max_steps=50).n
        500
    """
    _check(folds, max_steps, seed)
    # numpy's have few bits
    folds, max_steps, seed = int(folds), None if max_steps is None else int(max_steps), int(seed)
    _check_switches(gaussianise=gaussianise, checks=checks, progress=progress)
    _check_maker(statistics_network)
    with on_its_own():
        sides = read_pairs(x, z)
        if len(sides[0].raw) < 10 * folds:
            raise InputError(
                f"Expected at least 10 pairs a fold but got {len(sides[0].raw)} for {folds} folds; give fewer folds."
            )
        how = Recipe(gaussianise, statistics_network, folds, max_steps, seed, progress)
        estimate = how(*sides)
        return replace(estimate, checks=check(estimate, *sides, how)) if checks else estimate


def _check(folds: int, max_steps: int | None, seed: int) -> None:
    for name, value in (("folds", folds), ("max_steps", max_steps), ("seed", seed)):
        if isinstance(value, bool) or not (
            isinstance(value, int | np.integer) or (name == "max_steps" and value is None)
        ):
            raise InputError(f"Expected {name} to be a whole number but got {value!r}; give one.")
    if folds < 2:
        raise InputError(f"Expected at least 2 folds but got {folds}; T must be read on pairs it was not trained on.")
    if max_steps is not None and max_steps < 1:
        raise InputError(f"Expected max_steps >= 1 but got {max_steps}.")
    if not 0 <= seed < 2**32:
        raise InputError(f"Expected seed from 0 to 4294967295 but got {seed}.")


def _check_switches(**switches: Any) -> None:
    for name, value in switches.items():
        if not isinstance(value, (bool, np.bool_)):
            raise InputError(f"Expected {name} to be true or false but got {value!r}; give one.")


def _check_maker(network: Any) -> None:
    if isinstance(network, nn.Module) or not (network is None or callable(network)):
        found = f"a finished {type(network).__name__}" if isinstance(network, nn.Module) else repr(network)
        raise InputError(
            "Expected statistics_network to make T from the shapes of x and z, since each fold trains one of its own, "
            f"but got {found}; give its class, or a function that returns a new one."
        )


@dataclass(frozen=True)
class Recipe:
    """How an estimate is made of two sides; the arguments of :func:`estimate_mi`."""

    gaussianise: bool
    statistics_network: StatisticsFactory | None
    folds: int
    max_steps: int | None
    seed: int
    progress: bool

    def __call__(self, left: Side, right: Side) -> MIEstimate:
        pairs = Pairs(left, right, self.gaussianise, self.seed)
        networks = networks_for(pairs.shapes) if self.statistics_network is None else [self.statistics_network]
        training = Training.for_size(len(pairs) - len(pairs) // self.folds, self.max_steps)
        fitted = cross_fit(pairs, networks, training, self.folds, self.seed, self.progress)
        settings = {"gaussianise": self.gaussianise, "folds": self.folds, "seed": self.seed, **asdict(training)}
        estimate = _estimate(fitted, pairs, networks, settings)
        if self.max_steps is not None:
            estimate.warnings.extend(_cut_short(estimate.curve, self.max_steps))
        else:
            estimate.warnings.extend(_still_rising(estimate.curve, training.max_steps, estimate.stderr))
        return estimate


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
            "x": {"shape": pairs.shapes[0], "margin": pairs.margins[0]},
            "z": {"shape": pairs.shapes[1], "margin": pairs.margins[1]},
            **settings,
        },
        warnings=_warnings(fitted, nats, gap, n),
    )


def _cut_short(curves: list[list[Point]], max_steps: int) -> list[str]:
    """Return a warning where ``max_steps`` ended most trainings at their best value so far."""
    rising = sum(max(curve, key=lambda point: point.nats) == curve[-1] for curve in curves if curve)
    if rising <= len(curves) / 2 or max(curve[-1].step for curve in curves if curve) < max_steps:
        return []
    return [
        f"max_steps={max_steps} ended training while the value still rose, in {rising} of {len(curves)} folds: the "
        "truth may be far higher than the interval says; give more steps, or none to choose them by the data."
    ]


def _still_rising(curves: list[list[Point]], steps: int, stderr: float) -> list[str]:
    """Return a warning where the steps chosen by the data ended most trainings while the value rose past its noise."""
    rises = [
        curve[-1].nats - curve[-1 - max(1, len(curve) // 10)].nats
        for curve in curves
        if len(curve) > 1 and curve[-1].step >= steps
    ]
    if sum(rise > max(stderr, 0.01) for rise in rises) <= len(curves) / 2:
        return []
    return [
        f"the value still rose after {steps} optimizer steps, the most by default: the truth may be far higher than "
        f"the interval says; give max_steps={4 * steps}."
    ]


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
    if silent := sum(fold.silent for fold in fitted):
        found.append(
            f"in {silent} of {len(fitted)} folds T told pairs that it had not seen no better than by chance, and "
            f"counts as 0 there: {n:,} pairs are too few to tell this from nothing; more pairs would."
        )
    return found
