"""A setting of the process that several holders share."""

import itertools

import pytest
import torch._functorch.config as config

from mine_lightning.regularizer.compiled import KeepBuffers


@pytest.mark.parametrize("order", itertools.permutations([0, 1]))
@pytest.mark.parametrize("found", [True, False])
def test_the_last_to_go_gives_back_what_the_first_one_found(order, found):
    with config.patch(donated_buffer=found):
        hold_and_release(order, found)


def hold_and_release(order, found):
    holders = [KeepBuffers(), KeepBuffers()]
    for holder in holders:
        holder.hold()
        holder.hold()
    first, last = (holders[index] for index in order)
    first.release()
    first.release()
    assert config.donated_buffer is False
    last.release()
    assert config.donated_buffer is found
