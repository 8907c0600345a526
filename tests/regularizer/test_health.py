"""What is said where an estimate can't be read as it stands, and that it is said once."""

import math
import warnings

import pytest
import torch

from mine_lightning.regularizer.ascent import Reading
from mine_lightning.regularizer.health import Health
from mine_lightning.regularizer.once import Once


def health(value=1.0, drift=0.0, pairs=128, direction="maximize", batches=250):
    watched = Health("mine/mi", direction, Once())
    for _ in range(batches):
        watched.watch(Reading(torch.tensor(value), torch.tensor(drift), pairs, math.log(pairs)))
    return watched


def said(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in caught]


def test_a_term_that_only_watches_is_not_said_to_minimise():
    (told,) = said(lambda: health(value=-0.1, direction="minimize").judge(watches=True))
    assert "T lags behind the host. Raise t_steps" in told
    (told,) = said(lambda: health(value=-0.1, direction="minimize").judge())
    assert "a term that minimises it does nothing" in told


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_batch_that_overflowed_is_no_divergence(bad):
    watched = health()
    watched.watch(Reading(torch.tensor(bad), torch.tensor(bad), 128, math.log(128)))
    watched.watch(Reading(torch.tensor(4.5), torch.tensor(1.5), 128, math.log(128)))
    said_now = said(watched.judge)
    assert [("diverged" in text, "the most that" in text) for text in said_now] == [(False, True), (False, False)]


def test_the_small_rest_of_an_epoch_does_not_lower_the_limit():
    watched = health()
    watched.watch(Reading(torch.tensor(1.0), torch.tensor(0.0), 2, math.log(2)))
    assert said(watched.judge) == []
    close = health(value=4.6)
    close.watch(Reading(torch.tensor(0.6), torch.tensor(0.0), 2, math.log(2)))
    assert "near 4.85, the most that the 128" in said(close.judge)[0]


def test_a_share_that_overflows_three_times_in_a_row_unseen_by_the_scaler_is_told():
    watched, fine, over = health(), torch.tensor(1.0), torch.tensor(math.inf)
    pairs = [(fine, over), (fine, over), (fine, fine), (over, over), (fine, over), (fine, over)]
    assert said(lambda: [watched.watch_held(*pair) for pair in pairs]) == []
    assert "overflows in half precision" in said(lambda: watched.watch_held(fine, over))[0]


def test_a_good_estimate_is_left_alone():
    watched = health()
    assert said(lambda: [watched.judge(), watched.judge(0.9, 0.05)]) == []


@pytest.mark.parametrize(
    ("arguments", "held_out", "sentence"),
    [
        ({"value": 4.5}, (4.4, 0.1), "near 4.85, the most that the 128 marginal scores of a batch can show"),
        ({"drift": 1.5}, (0.9, 0.1), "moving average of mine/mi is off by a factor of 4.48"),
        ({"drift": -1.5}, (0.9, 0.1), "off by a factor of 4.48"),
        ({"drift": 1e4}, (0.9, 0.1), "off by a factor of 1.07e+13"),
        ({"value": 2.0}, (0.3, 0.1), "is 2.00 nats in training but 0.30 on held-out pairs"),
        ({"value": -0.2, "direction": "minimize"}, (-0.2, 0.1), "mine/mi is -0.200 nats: either x and z share next to"),
        ({"value": float("nan")}, (0.3, 0.1), "mine/mi is nan: T has diverged, or x or z overflowed"),
    ],
)
def test_what_is_off_is_said_once(arguments, held_out, sentence):
    watched = health(**arguments)
    first, second = (said(lambda: watched.judge(*held_out)) for _ in range(2))
    assert len(first) == 1
    assert sentence in first[0]
    assert second == []


@pytest.mark.parametrize(("direction", "count"), [("maximize", 1), ("minimize", 0)])
def test_a_fall_is_a_lag_where_the_host_was_to_raise_it(direction, count):
    watched = health(value=0.3, direction=direction)
    assert said(lambda: watched.judge(1.2, 0.1)) == []
    messages = said(lambda: watched.judge(0.3, 0.1))
    assert len(messages) == count
    assert all("fell from 1.20 to 0.30 nats" in message for message in messages)


def test_nothing_is_said_within_the_error_or_while_t_has_hardly_begun():
    assert said(lambda: health(value=-0.2).judge(-0.2, 0.1)) == []  # to maximise, T may start from below
    assert said(lambda: health(value=2.0).judge(0.3, 0.5)) == []
    assert said(lambda: health(value=4.8, drift=3.0, batches=50).judge()) == []


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_value_far_below_zero_is_told_whichever_way_the_host_goes(direction):
    (told,) = said(health(value=-3.0, direction=direction).judge)
    assert "far below 0, which no information is" in told
    assert said(health(value=-0.1).judge) == []


@pytest.mark.parametrize("batches", [1, 250])
def test_a_held_out_value_that_is_no_number_is_told_though_training_is_fine(batches):
    (told,) = said(lambda: health(batches=batches).judge(held_out=float("nan")))
    assert "the held-out value of mine/mi is nan" in told
