"""The estimate over all batches of a validation is the bound on their scores together."""

import torch

from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.held_out import HeldOut

stream = torch.Generator().manual_seed(1)


def test_value_and_error_are_those_of_all_scores_together():
    held_out, bound = HeldOut(limit=40), DonskerVaradhan()
    joint, marginal = torch.randn(48, generator=stream), torch.randn(48, 3, generator=stream)
    for part in zip(joint.split(16), marginal.split(16), strict=True):
        assert not held_out.full
        held_out.add(*part)
    assert held_out.full
    assert held_out.pairs == 48
    value, stderr = held_out.estimate(bound, world_size=4)
    torch.testing.assert_close(value, joint.mean() - marginal.exp().mean().log())
    torch.testing.assert_close(stderr, bound.stderr(joint, marginal) / 2)


def test_as_many_partners_count_as_the_smallest_batch_has():
    held_out = HeldOut()
    held_out.add(torch.ones(4), torch.zeros(4, 3))
    held_out.add(torch.ones(2), torch.zeros(2, 1))
    value, _ = held_out.estimate(DonskerVaradhan(), 1)
    assert value == 1
    assert not held_out.full


def test_nothing_seen_is_no_estimate():
    held_out = HeldOut(limit=10)
    assert held_out.estimate(DonskerVaradhan(), 1) is None
    held_out.add(torch.ones(4), torch.zeros(4, 1))
    held_out.clear()
    assert held_out.estimate(DonskerVaradhan(), 1) is None
