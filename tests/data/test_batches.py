"""The order of samples is (seed, epoch)'s, batches are what the data set makes of their indices."""

import torch
from torch.utils.data import Dataset

from mine_lightning.data.batches import EpochSampler, loader, pixels


def test_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        sampler = EpochSampler(100, seed)
        sampler.set_epoch(epoch)
        torch.rand(1)  # the global state does not count
        return list(sampler)

    assert order(0, 2) == order(0, 2)
    assert sorted(order(0, 2)) == list(range(100))
    assert order(0, 2) != order(0, 3)
    assert order(0, 2) != order(1, 2)
    passes = list(EpochSampler(100, 0, passes=2))
    assert len(EpochSampler(100, 0, passes=2)) == len(passes) == 200
    assert passes[:100] == order(0, 0)
    assert sorted(passes[100:]) == list(range(100))
    assert passes[100:] != passes[:100]


class Numbers(Dataset):
    """Ten numbers that know how they were asked for."""

    def __len__(self):
        return 10

    def __getitems__(self, indices):
        return torch.as_tensor(indices)


def test_a_training_drops_what_is_left_over_and_an_evaluation_does_not():
    training = list(loader(Numbers(), 4, EpochSampler(10, seed=0)))
    assert [len(batch) for batch in training] == [4, 4]
    assert torch.cat(training).tolist() == list(EpochSampler(10, seed=0))[:8]
    assert [batch.tolist() for batch in loader(Numbers(), 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_pixels_end_at_one():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert torch.allclose(pixels(images), torch.tensor([-1.0, -0.6, 1.0]))
    assert images.dtype == torch.uint8
