"""Stacked images are three digits, drawn once by a seed."""

import torch

from mine_lightning.data.stacked_mnist import StackedDigits, StackedMNIST

DIGITS = torch.randint(256, (40, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


def test_channels_are_the_digits_of_a_triple_in_minus_one_to_one():
    data = StackedDigits(DIGITS, 10, seed=0)
    batch = data.__getitems__([3, 7])
    assert batch.shape == (2, 3, 28, 28)
    torch.testing.assert_close(batch[1, 2], DIGITS[data.triples[7, 2]].float() / 127.5 - 1)
    assert torch.equal(data[7], batch[1])
    assert batch.min() >= -1
    assert batch.max() <= 1


def test_all_modes_are_equally_likely():
    data = StackedDigits(torch.zeros(10, 28, 28, dtype=torch.uint8), 100_000, seed=1)
    counts = torch.bincount((data.triples * torch.tensor([100, 10, 1])).sum(dim=1), minlength=1000)
    assert counts.min() > 50
    assert counts.max() < 160


def test_triples_depend_on_the_seed_alone():
    assert torch.equal(StackedDigits(DIGITS, 50, 3).triples, StackedDigits(DIGITS, 50, 3).triples)
    assert not torch.equal(StackedDigits(DIGITS, 50, 3).triples, StackedDigits(DIGITS, 50, 4).triples)


def test_loaders_have_the_promised_sizes():
    data = StackedMNIST(train_size=256, eval_size=150, batch_size=64, eval_batch_size=100)
    assert data.dataset_name == "sklearn-digits"
    assert [len(batch) for batch in data.train_dataloader()] == [64] * 4
    assert [len(batch) for batch in data.val_dataloader()] == [100, 50]
    assert not torch.equal(next(iter(data.val_dataloader())), next(iter(data.test_dataloader())))


def test_training_and_evaluation_have_digits_of_their_own():
    data = StackedMNIST(train_size=256, eval_size=150, batch_size=64, eval_batch_size=100)

    def vectors(images):
        return {tuple(image.flatten().tolist()) for image in images}

    train, test = (vectors(part.float() / 127.5 - 1) for part in (data.digits.train_images, data.digits.test_images))
    loaders = ((data.train_dataloader(), train), (data.val_dataloader(), test), (data.test_dataloader(), test))
    for loader, own in loaders:
        assert vectors(torch.cat(list(loader)).flatten(0, 1)) <= own
