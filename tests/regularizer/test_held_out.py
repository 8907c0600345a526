"""The estimate over all batches of a validation is the bound on their scores together."""

import torch
from cases import small_mlp

from mine_lightning.estimator import MINE
from mine_lightning.regularizer.held_out import HeldOut
from mine_lightning.regularizer.ranks import Ranks


def test_value_and_error_are_those_of_all_scores_together():
    mine, held_out = MINE(small_mlp, (4,), (3,)), HeldOut(limit=40)
    x, z = torch.randn(48, 4), torch.randn(48, 3)
    scores = []
    for number, (part_x, part_z) in enumerate(zip(x.split(16), z.split(16), strict=True)):
        assert not held_out.full
        held_out.add(mine, part_x, part_z, number)
        scores.append(mine.scores(part_x, part_z, f"validation {number}"))
    assert held_out.full
    joint, marginal = (torch.cat(part).detach() for part in zip(*scores, strict=True))
    value, stderr = held_out.estimate(mine, Ranks(), world_size=4)
    torch.testing.assert_close(value, joint.mean() - marginal.exp().mean().log())
    torch.testing.assert_close(stderr, mine.bound.stderr(joint, marginal) / 2)
    assert mine.training


def test_nothing_seen_is_no_estimate():
    held_out = HeldOut(limit=10)
    assert held_out.estimate(MINE(small_mlp, (4,), (3,)), Ranks(), 1) is None
    held_out.add(MINE(small_mlp, (4,), (3,)), torch.randn(4, 4), torch.randn(4, 3), 0)
    held_out.clear()
    assert held_out.estimate(MINE(small_mlp, (4,), (3,)), Ranks(), 1) is None
