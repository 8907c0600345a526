"""Which process this is, and what it does alone."""

import math

import pytest
import torch
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore

from mine_lightning import MINE, MLPStatistics, MutualInformation, estimate_mi
from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.processes import alone, rank, world_size


@pytest.fixture
def second_of_two(monkeypatch):
    """Make this process the second of a group of two; what it would gather, which a peer has to answer, is an error."""

    def unanswered(*args, **kwargs):
        raise AssertionError("the other process does not answer")

    monkeypatch.setattr(dist, "all_gather", unanswered)
    dist.init_process_group("fake", store=FakeStore(), rank=1, world_size=2)
    yield
    dist.destroy_process_group()


def test_one_process_is_the_first_and_only():
    assert (rank(), world_size()) == (0, 1)


def test_alone_holds_for_its_block(second_of_two):
    assert (rank(), world_size()) == (1, 2)
    with alone():
        assert (rank(), world_size()) == (0, 1)
    assert (rank(), world_size()) == (1, 2)


def test_what_one_process_asks_for_does_not_wait_for_the_others(second_of_two):
    joint, marginal = torch.tensor([1.0, 3.0]), torch.tensor([[0.0], [2.0]])
    with pytest.raises(AssertionError, match="does not answer"):
        DonskerVaradhan()(joint, marginal)
    expected = 2 - math.log((1 + math.e**2) / 2)
    metric = MutualInformation(distributed_available_fn=lambda: False)
    assert metric(joint, marginal).item() == pytest.approx(expected, abs=1e-6)
    mine = MINE(MLPStatistics, (1,), (1,))
    assert mine.estimate(*torch.randn(2, 16, 1)).isfinite()


def test_an_estimate_is_the_same_in_every_process(second_of_two):
    x, noise = torch.randn(2, 100, 1, generator=torch.Generator().manual_seed(0))
    second = estimate_mi(x, x + noise, max_steps=5)
    dist.destroy_process_group()
    try:
        assert estimate_mi(x, x + noise, max_steps=5).nats == second.nats
    finally:
        dist.init_process_group("fake", store=FakeStore(), rank=1, world_size=2)
