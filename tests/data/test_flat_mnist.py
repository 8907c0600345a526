"""Flat digits: every pixel in its place, parts that do not overlap, an order that (seed, epoch) sets."""

import pytest
import torch

from mine_lightning.data.flat_mnist import FlatDigits, FlatMNIST
from mine_lightning.errors import InputError

IMAGES = torch.randint(256, (40, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
LABELS = torch.arange(40) % 10


def test_a_digit_is_a_vector_of_its_pixels_in_minus_one_to_one():
    data = FlatDigits(IMAGES, LABELS)
    x, labels = data.__getitems__([3, 7])
    assert x.shape == (2, 784)
    torch.testing.assert_close(x[1].view(28, 28), IMAGES[7].float() / 127.5 - 1)
    assert x.min() >= -1
    assert x.max() <= 1
    assert labels.tolist() == [3, 7]
    assert torch.equal(data[7][0], x[1])
    assert data[7][1] == 7
    assert len(data) == 40


def rows(loader):
    return torch.cat([x for x, _ in loader])


def test_the_last_digits_are_held_out_and_trained_on_by_a_final_run():
    tuning, final = FlatMNIST(held_out=438), FlatMNIST()
    assert final.dataset_name == "sklearn-digits"
    assert len(final.digits.train_labels) == 1438
    assert final.val_dataloader() == []
    training, held_out = rows(tuning.train_dataloader()), rows(tuning.val_dataloader())
    assert [len(training), len(held_out), len(rows(final.train_dataloader()))] == [1000, 438, 1400]
    torch.testing.assert_close(
        held_out, FlatDigits(final.digits.train_images, LABELS).images[1000:].float() / 127.5 - 1
    )
    first = {tuple(x) for x in training.tolist()}
    assert len(first) > 990
    assert not any(tuple(x) in first for x in held_out.tolist())
    x, labels = (torch.cat(side) for side in zip(*final.test_dataloader(), strict=True))
    torch.testing.assert_close(x, final.digits.test_images.flatten(1).float() / 127.5 - 1)
    assert torch.equal(labels, final.digits.test_labels)
    assert len(labels) == 359


def test_labels_stay_with_their_digits():
    data = FlatMNIST(held_out=438)
    known = {tuple(image.flatten().tolist()): label for image, label in zip(*_train(data), strict=True)}
    for x, labels in (*data.train_dataloader(), *data.val_dataloader()):
        pixels = ((x + 1) * 127.5).round().to(torch.uint8)
        assert [known[tuple(row)] for row in pixels.tolist()] == labels.tolist()


def _train(data):
    return data.digits.train_images, data.digits.train_labels.tolist()


def test_sizes_can_be_cut_down():
    data = FlatMNIST(held_out=300, train_size=128, eval_size=50, batch_size=32, eval_batch_size=40)
    assert [len(y) for _, y in data.train_dataloader()] == [32] * 4
    assert [len(y) for _, y in data.val_dataloader()] == [len(y) for _, y in data.test_dataloader()] == [40, 10]


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        loader = FlatMNIST(seed=seed).train_dataloader()
        loader.sampler.set_epoch(epoch)
        torch.rand(1)  # the global state does not count
        return next(iter(loader))[0]

    assert torch.equal(order(0, 2), order(0, 2))
    assert not torch.equal(order(0, 2), order(0, 3))
    assert not torch.equal(order(0, 2), order(1, 2))


def test_sixty_thousand_and_ten_thousand_where_mnist_is(mnist_root):
    data = FlatMNIST(root=mnist_root, held_out=10_000)
    assert (data.dataset_name, len(data.train_dataloader()), len(data.val_dataloader())) == ("mnist", 500, 10)
    assert len(FlatMNIST(root=mnist_root).train_dataloader()) == 600


@pytest.mark.parametrize("sizes", [{"batch_size": 0}, {"train_size": 0}, {"held_out": -1}, {"eval_size": 0}])
def test_sizes_that_are_none_are_told(sizes):
    with pytest.raises(InputError, match="correct them"):
        FlatMNIST(**sizes)


def test_too_few_digits_to_train_on_are_told_with_the_data_set():
    with pytest.raises(InputError, match=r"there are 0: sklearn-digits has 1438, of which 10000 are held out"):
        FlatMNIST(held_out=10_000).train_dataloader()
