"""estimate_mi against known answers, its promises, and its warnings."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from mine_lightning import InputError, MLPStatistics, estimate_mi
from mine_lightning.baselines import ksg
from mine_lightning.data.known_mi import DiscreteJoint, Gaussian, Mapped, StudentT, sparse
from mine_lightning.data.known_mi.maps import half_cube, wiggly
from mine_lightning.estimation.cross_fit import Fold
from mine_lightning.estimation.training import Point
from mine_lightning.estimation.value import Value

FINISHED = MLPStatistics((1,), (1,))
GAUSSIAN = Gaussian("g", sparse(2, 0.7))


@pytest.mark.parametrize(
    "distribution",
    [GAUSSIAN, StudentT(Gaussian("g", sparse(2, 0.5)), 1)],
    ids=lambda distribution: distribution.name,
)
def test_estimate_is_near_the_truth_and_the_interval_holds_it(distribution):
    x, z = distribution.sample(4000, 5)
    estimate = estimate_mi(x, z)
    assert estimate.nats == pytest.approx(distribution.mi, abs=0.12 if isinstance(distribution, StudentT) else 0.06)
    assert estimate.interval[0] <= distribution.mi <= estimate.interval[1]
    assert 0.003 < estimate.stderr < 0.03
    assert estimate.warnings == []


def test_labels_share_the_entropy_less_the_conditional_one():
    x, z = (side.long() for side in DiscreteJoint("table", torch.tensor([[4, 1, 0], [1, 2, 2]])).sample(4000, 5))
    counts = torch.zeros(2, 3).index_put_((x, z), torch.ones(4000), accumulate=True)
    # H(z) - H(z|x) of the sample's own table, exactly
    assert estimate_mi(x, z).nats == pytest.approx(DiscreteJoint("sample", counts).mi, abs=0.015)


def test_estimate_agrees_with_nearest_neighbours_where_they_are_good():
    x, z = Gaussian("g", sparse(1, 0.9)).sample(3000, 1)
    assert estimate_mi(x, z).nats == pytest.approx(ksg(x, z), abs=0.07)


def test_independent_pairs_share_nothing_within_the_error():
    x, z = torch.randn(2, 3000, 3, generator=torch.Generator().manual_seed(0))
    estimate = estimate_mi(x, z)
    assert abs(estimate.nats) < 3 * estimate.stderr + 0.01


def test_rising_maps_of_the_coordinates_change_nothing_at_all():
    x, z = GAUSSIAN.sample(500, 0)
    mapped = Mapped("m", GAUSSIAN, half_cube, wiggly).sample(500, 0)
    assert estimate_mi(x, z, max_steps=20).nats == estimate_mi(*mapped, max_steps=20).nats
    assert estimate_mi(x, z, max_steps=20, gaussianise=False).nats != estimate_mi(x, z, max_steps=20).nats


def test_the_seed_repeats_it_and_the_global_state_does_not_move():
    x, z = GAUSSIAN.sample(300, 0)
    before = torch.get_rng_state()
    first, second, other = (estimate_mi(x, z, max_steps=20, seed=seed) for seed in (0, np.uint8(0), 1))
    assert first == second
    assert first != other
    assert torch.equal(before, torch.get_rng_state())


def test_images_and_labels():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (1200,), generator=generator)
    images = torch.randn(1200, 8, 8, generator=generator)
    images[torch.arange(1200), 2 * labels] += 3  # a bright row that tells the label
    estimate = estimate_mi(images, labels, max_steps=120)
    assert estimate.nats == pytest.approx(math.log(4), abs=0.15)
    assert estimate.settings["x"] == {"shape": (1, 8, 8), "margin": "standardised"}
    assert estimate.settings["z"] == {"shape": (4,), "margin": "labels"}


def test_a_statistics_network_of_ones_own():
    def network(x_shape, z_shape):
        return MLPStatistics(x_shape, z_shape, hidden=(64,))

    estimate = estimate_mi(*GAUSSIAN.sample(2000, 0), statistics_network=network, max_steps=300)
    assert estimate.nats == pytest.approx(GAUSSIAN.mi, abs=0.15)
    assert estimate.settings["statistics_network"] == ["network"]


def test_many_weak_directions_get_a_bilinear_form():
    estimate = estimate_mi(*Gaussian("g", sparse(20, 0.2)).sample(300, 0), max_steps=5)
    assert estimate.settings["statistics_network"] == ["SeparableStatistics", "BilinearStatistics"]


def from_folds(monkeypatch, *folds):
    """Return the estimate of folds whose values, held out and on their own pairs, are given."""
    made = [Fold(held_out, seen, []) for held_out, seen in folds]
    monkeypatch.setattr("mine_lightning.estimation.estimate.cross_fit", lambda *_: made)
    return estimate_mi(*GAUSSIAN.sample(400, 0), folds=2)


def test_value_error_and_interval_are_those_of_the_folds_written_out(monkeypatch):
    first = Value(0.5, 0.8, 100, 0.4, 4.0), Value(0.9, 1.0, 300, 0.4, 4.0)
    second = Value(0.7, 1.2, 300, 0.5, 5.0), Value(0.7, 1.0, 100, 0.5, 5.0)
    estimate = from_folds(monkeypatch, first, second)
    stderr = math.sqrt(100 * 0.8 + 300 * 1.2) / 400
    assert estimate.nats == pytest.approx((100 * 0.5 + 300 * 0.7) / 400)
    assert estimate.stderr == pytest.approx(stderr)
    # T scores 0.8 on the pairs it was trained on: 0.15 more
    assert estimate.interval == pytest.approx((0.65 - 2 * stderr, 0.65 + 2 * stderr + 0.3))
    assert estimate.warnings == []


@pytest.mark.parametrize(
    ("nats", "info_nce", "seen", "words"),
    [(0.5, 1.0, 0.5, []), (5.0, 1.0, 5.0, ["ln(n)"]), (0.5, 3.7, 0.5, ["InfoNCE"]), (0.5, 1.0, 0.8, ["overfits"])],
)
def test_each_doubt_is_told_on_its_own(monkeypatch, nats, info_nce, seen, words):
    fold = Value(nats, 1.0, 200, info_nce, 4.0), Value(seen, 1.0, 200, info_nce, 4.0)
    warnings = from_folds(monkeypatch, fold, fold).warnings
    assert len(warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, warnings, strict=True))


def test_a_zero_that_too_few_pairs_leave_is_told_and_has_an_error():
    x, e = torch.randn(2, 200, 1, generator=torch.Generator().manual_seed(5))
    estimate = estimate_mi(x, e, seed=1)  # independent
    assert estimate.stderr > 0.01
    assert any("no better than by chance" in warning for warning in estimate.warnings)


@pytest.mark.parametrize(
    ("lasts", "max_steps", "told"),
    [((0.3, 0.3), 40, True), ((0.3, 0.1), 40, False), ((0.3, 0.3), None, False), ((0.3, 0.3), 60, False)],
)
def test_a_training_that_max_steps_cut_short_is_told(monkeypatch, lasts, max_steps, told):
    value = Value(0.3, 1.0, 200, 1.0, 4.0)
    made = [Fold(value, value, [Point(20, 0.2), Point(40, last)]) for last in lasts]
    monkeypatch.setattr("mine_lightning.estimation.estimate.cross_fit", lambda *_: made)
    warnings = estimate_mi(*GAUSSIAN.sample(400, 0), folds=2, max_steps=max_steps).warnings
    expected = "max_steps=40 ended training while the value still rose, in 2 of 2 folds: the truth may be far higher"
    assert [warning.startswith(expected) for warning in warnings] == [True] * told


@pytest.mark.parametrize(
    ("ends", "told"),
    [((0.2, 0.3), True), ((0.299, 0.3), False), ((0.3, 0.2), False)],
)
def test_a_value_that_still_rose_at_the_last_of_the_default_steps_is_told(monkeypatch, ends, told):
    value = Value(0.3, 1.0, 200, 1.0, 4.0)
    curve = [Point(20 * (1 + step), nats) for step, nats in enumerate(np.linspace(0.1, ends[0], 27))]
    made = [Fold(value, value, [*curve, Point(560, ends[0]), Point(580, ends[0]), Point(600, ends[1])])] * 3
    monkeypatch.setattr("mine_lightning.estimation.estimate.cross_fit", lambda *_: made)
    warnings = estimate_mi(*GAUSSIAN.sample(400, 0)).warnings
    assert [warning.startswith("the value still rose after 600 optimizer steps") for warning in warnings] == [
        True
    ] * told
    assert all("give max_steps=2400" in warning for warning in warnings)


def test_a_fold_without_a_say_does_not_narrow_the_interval():
    x, z = Gaussian("g", sparse(1, 0.2)).sample(1000, 3)  # 0.02 nats, of which some folds learn nothing
    estimates = [estimate_mi(x, z, seed=seed) for seed in range(3)]
    silent = [one for one in estimates if any("no better than by chance" in warning for warning in one.warnings)]
    assert all(one.interval[1] > 0.0204 for one in silent)


def test_more_information_than_the_pairs_can_show_is_told():
    x = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
    z = x + 1e-3 * torch.randn(600, 8, generator=torch.Generator().manual_seed(1))
    warnings = estimate_mi(x, z, max_steps=300).warnings
    assert any("InfoNCE" in warning or "ln(n)" in warning for warning in warnings)


def test_overfitting_is_told():
    x, z = Gaussian("g", sparse(40, 0.25)).sample(400, 0)
    assert any("overfits" in warning for warning in estimate_mi(x, z, max_steps=200).warnings)


@pytest.mark.parametrize("folds", [2, 10])
def test_the_fewest_pairs_are_enough_to_run(folds):
    estimate = estimate_mi(*GAUSSIAN.sample(100, 0), folds=folds, max_steps=10)
    assert estimate.n == 100
    assert math.isfinite(estimate.nats)


def test_it_works_where_gradients_are_switched_off():
    with torch.no_grad():
        assert math.isfinite(estimate_mi(*GAUSSIAN.sample(200, 0), max_steps=10).nats)
        assert not torch.is_grad_enabled()


def test_the_running_estimate_is_shown_where_it_is_asked_for(capfd):
    estimate_mi(*GAUSSIAN.sample(200, 0), max_steps=20, progress=True)
    assert "fold 3 of 3, step 20: " in capfd.readouterr().err
    estimate_mi(*GAUSSIAN.sample(200, 0), max_steps=20)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 1}, "Expected at least 2 folds but got 1"),
        ({"folds": 21}, "Expected at least 10 pairs a fold but got 200 for 21 folds"),
        ({"max_steps": 0}, "Expected max_steps >= 1 but got 0"),
        (
            {"statistics_network": FINISHED},
            "each fold trains one of its own, but got a finished MLPSt",
        ),
        ({"statistics_network": "MLPStatistics"}, "to make T from the shapes of x and z, .* but got 'MLPStatistics'"),
        ({"statistics_network": lambda x, z: FINISHED}, "Expected a new T each time that stat"),
        ({"seed": -1}, "Expected seed from 0 to 4294967295 but got -1"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    with pytest.raises(InputError, match=message):
        estimate_mi(np.random.default_rng(0).normal(size=(200, 1)), np.arange(200.0) ** 2 % 7, **arguments)


def test_scores_that_are_never_finite_are_told():
    class Infinite(nn.Module):
        def __init__(self):
            super().__init__()
            self.output = nn.Linear(1, 1)

        def forward(self, x, z):
            return self.output(x).squeeze(1) * torch.inf

    with pytest.raises(InputError, match="Expected T's values to be finite"):
        estimate_mi(
            *Gaussian("g", sparse(1, 0.7)).sample(200, 0), statistics_network=lambda x, z: Infinite(), max_steps=2
        )
