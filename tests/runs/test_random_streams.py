"""Random streams are a function of (seed, epoch, rank)."""

import random

import numpy as np
import torch

from mine_lightning.runs.random_streams import SeedEachEpoch


class At:
    def __init__(self, epoch, rank=0):
        self.current_epoch, self.global_rank = epoch, rank


def draws(seed, trainer, batch_idx=0):
    SeedEachEpoch(seed).on_train_batch_start(trainer, None, None, batch_idx)
    return torch.rand(1).item(), np.random.rand(), random.random()


def test_same_place_same_draws_whatever_came_before():
    first = draws(0, At(2))
    torch.rand(9)
    assert draws(0, At(2)) == first


def test_another_seed_epoch_or_rank_draws_anew():
    found = [draws(0, At(2)), draws(1, At(2)), draws(0, At(3)), draws(0, At(2, rank=1))]
    for stream in zip(*found, strict=True):  # torch, NumPy and Python each
        assert len(set(stream)) == 4


def test_only_the_first_batch_seeds():
    draws(0, At(2))
    state = torch.get_rng_state()
    SeedEachEpoch(0).on_train_batch_start(At(2), None, None, 1)
    assert torch.equal(state, torch.get_rng_state())
