"""Batches in random order pass, sorted ones are told, and the value on held-out pairs shows why."""

import math
import warnings

import pytest
import torch
from cases import trainer
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning import MINE
from mine_lightning.batch_order import BatchOrder
from mine_lightning.data.digit_images import load_digit_images
from mine_lightning.networks import MLPStatistics


def batches_of(x, z, size=50):
    order = BatchOrder()
    for start in range(0, len(x), size):
        order.add(x[start : start + size], z[start : start + size])
    return order


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("batches", [3, 10, 100])
def test_random_order_is_none_even_where_all_columns_say_the_same(seed, batches):
    torch.manual_seed(seed)
    n = 50 * batches
    assert not batches_of(torch.randn(n, 1).expand(n, 30), torch.randint(0, 10, (n,))).is_sorted
    assert not batches_of(torch.randn(n, 3, 4), torch.randn(n, 2)).is_sorted


@pytest.mark.parametrize("side", ["x", "z"])
@pytest.mark.parametrize("batches", [3, 10])
def test_either_side_may_be_sorted(side, batches):
    n = 50 * batches
    rest, labels = torch.randn(n, 5), torch.arange(n) // 50
    sides = (labels, rest) if side == "x" else (rest, labels)
    order = batches_of(*sides)
    assert order.is_sorted
    order.clear()
    assert not order.is_sorted


def test_one_class_a_batch_shows_in_a_tenth_of_the_columns():
    torch.manual_seed(0)
    shifted = torch.randn(1000, 300)
    shifted[:, ::10] += 2 * (torch.arange(1000) // 250)[:, None]
    assert batches_of(shifted, torch.zeros(1000, 1)).is_sorted


def test_a_little_order_is_of_no_consequence():
    torch.manual_seed(0)
    drifting = torch.randn(10_000, 3) + 0.3 * (torch.arange(10_000) // 5000)[:, None]
    assert not batches_of(drifting, torch.zeros(10_000, 1), size=1000).is_sorted


@pytest.mark.parametrize("split", ["train", "test"])
def test_mnist_as_it_is_stored_is_in_no_order_that_matters_and_by_label_it_is(mnist_root, split):
    digits = load_digit_images(mnist_root)
    images, labels = (getattr(digits, f"{split}_{part}")[-10_000:] for part in ("images", "labels"))
    assert not batches_of(images, labels, size=1000).is_sorted
    by_label = labels.argsort()
    assert batches_of(images[by_label], torch.zeros(10_000, 1), size=1000).is_sorted


def test_few_batches_constants_and_a_rest_are_no_order():
    assert not batches_of(torch.arange(100.0), torch.arange(100.0)).is_sorted
    assert not batches_of(torch.zeros(200, 2), torch.ones(200)).is_sorted
    x = torch.randn(210, 2)
    x[200:] = 1e6  # the rest of an epoch is smaller, and says less
    assert not batches_of(x, x).is_sorted
    assert not BatchOrder().is_sorted


@pytest.mark.parametrize("is_sorted", [False, True])
def test_the_held_out_value_of_sorted_data_is_told_to_be_wrong(tmp_path, is_sorted):
    torch.manual_seed(0)
    labels = torch.randint(0, 2, (2000,))
    x = 4.0 * labels[:, None] + torch.randn(2000, 1)
    data = TensorDataset(x, labels[:, None].float())
    held_out = TensorDataset(*(side[labels.argsort()] if is_sorted else side for side in data.tensors))
    mine = MINE(MLPStatistics, x_shape=(1,), z_shape=(1,), optimizer=lambda p: torch.optim.Adam(p, 5e-3))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run = trainer(tmp_path, max_epochs=10)
        run.fit(mine, DataLoader(data, 200, shuffle=True), DataLoader(held_out, 200))
    assert any("differ from each other by more than batches in random order" in str(one.message) for one in told) == (
        is_sorted
    )
    value = run.callback_metrics["val/mi"].item()
    assert value < 0.3 if is_sorted else value == pytest.approx(math.log(2), abs=0.15)
