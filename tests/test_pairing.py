"""No pair of the joint among the marginals, whatever the batch."""

import pytest
import torch

from mine_lightning.pairing import AllOthers, Derangements


@pytest.mark.parametrize("n", [2, 3, 7, 128])
@pytest.mark.parametrize("k", [1, 2, 6])
def test_columns_are_permutations_without_a_fixed_point(n, k):
    for seed in range(20):
        index = Derangements(k)(n, torch.Generator().manual_seed(seed))
        assert index.shape == (n, min(k, n - 1))
        for column in index.T:
            assert torch.equal(column.sort().values, torch.arange(n))
            assert (column != torch.arange(n)).all()


def test_partners_of_a_sample_differ():
    index = Derangements(5)(6, torch.Generator().manual_seed(0))
    assert all(len(set(row.tolist())) == 5 for row in index)


def test_every_other_sample_is_equally_likely():
    counts = torch.zeros(4, 4)
    for seed in range(3000):
        index = Derangements()(4, torch.Generator().manual_seed(seed))[:, 0]
        counts[torch.arange(4), index] += 1
    assert (counts.diagonal() == 0).all()
    off = counts[~torch.eye(4, dtype=torch.bool)] / 3000
    assert (off - 1 / 3).abs().max() < 0.04


def test_same_generator_state_gives_same_pairs():
    draw = [Derangements(2)(9, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*draw)


def test_a_batch_of_one_is_refused():
    with pytest.raises(ValueError, match="at least 2 samples but got 1"):
        Derangements()(1, torch.Generator())


def test_no_partner_is_refused():
    with pytest.raises(ValueError, match="k >= 1 partners a sample but got 0"):
        Derangements(0)


@pytest.mark.parametrize("n", [2, 5])
def test_all_others_are_all_but_the_own(n):
    index = AllOthers()(n, torch.Generator())
    for i, row in enumerate(index):
        assert sorted(row.tolist()) == [j for j in range(n) if j != i]


def test_all_others_of_one_is_refused():
    with pytest.raises(ValueError, match="at least 2 samples but got 1"):
        AllOthers()(1, torch.Generator())
