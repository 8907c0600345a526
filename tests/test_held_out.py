"""The estimate over all batches of a validation is the bound on their scores together."""

import math

import torch

from mine_lightning.bounds import DonskerVaradhan, InfoNCE
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


def test_a_last_batch_with_few_partners_is_left_out_and_of_many_partners_as_many_count_as_most_have():
    joint, marginal = torch.randn(12), torch.randn(12, 3)
    held_out = HeldOut()
    held_out.add(joint[:8], marginal[:8])
    held_out.add(joint[8:], torch.cat([marginal[8:], torch.full((4, 2), 9.0)], dim=1))
    held_out.add(torch.ones(2), torch.zeros(2, 1))
    assert held_out.pairs == 14
    value, stderr = held_out.estimate(DonskerVaradhan(), 1)
    torch.testing.assert_close(value, DonskerVaradhan()(joint, marginal))
    torch.testing.assert_close(stderr, DonskerVaradhan().stderr(joint, marginal))


def test_the_last_batch_of_a_validation_does_not_cap_what_the_others_show():
    scores = 20 * torch.eye(128) - 10
    whole, cut = HeldOut(), HeldOut()
    for held_out in (whole, cut):
        for _ in range(4):
            held_out.add(scores.diagonal(), scores[~torch.eye(128, dtype=torch.bool)].view(128, 127))
    cut.add(torch.full((2,), 10.0), torch.full((2, 1), -10.0))
    value, last = (held_out.estimate(InfoNCE(), 1)[0] for held_out in (whole, cut))
    assert last == value > math.log(120)


def test_nothing_seen_is_no_estimate():
    held_out = HeldOut(limit=10)
    assert held_out.estimate(DonskerVaradhan(), 1) is None
    held_out.add(torch.ones(4), torch.zeros(4, 1))
    held_out.clear()
    assert held_out.estimate(DonskerVaradhan(), 1) is None
