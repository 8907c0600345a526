"""Single digits: the held-out part is never trained on, the test digits are the test's alone, the order is set."""

import pytest
import torch

from mine_lightning.data.mnist_digits import MNISTDigits
from mine_lightning.errors import InputError


def rows(loader):
    return {tuple(image.flatten().tolist()) for batch in loader for image in batch}


def test_batches_are_grey_digits_in_minus_one_to_one():
    data = MNISTDigits(batch_size=32)
    assert data.dataset_name == "sklearn-digits"
    batch = next(iter(data.test_dataloader()))
    torch.testing.assert_close(batch[:, 0], data.digits.test_images[:1000].float() / 127.5 - 1)
    assert batch.shape[1:] == (1, 28, 28)
    assert [len(batch) for batch in data.train_dataloader()] == [32] * (round(0.9 * 1438) // 32)


def test_held_out_digits_are_training_digits_that_are_not_trained_on():
    data = MNISTDigits(batch_size=1)
    train, held_out, test = (
        rows(loader) for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    )
    assert not held_out & train
    assert not held_out & test
    images = data.digits.train_images.flatten(1).float() / 127.5 - 1
    assert train | held_out == {tuple(image.tolist()) for image in images}


def test_the_order_depends_on_seed_and_epoch_alone():
    def first(seed, epoch):
        loader = MNISTDigits(batch_size=32, seed=seed).train_dataloader()
        loader.sampler.set_epoch(epoch)
        torch.rand(1)  # the global state does not count
        return next(iter(loader))

    assert torch.equal(first(0, 2), first(0, 2))
    assert not torch.equal(first(0, 2), first(0, 3))
    assert not torch.equal(first(0, 2), first(1, 2))


def test_sizes_cut_each_part():
    data = MNISTDigits(train_size=20, eval_size=7, batch_size=10)
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    assert [sum(map(len, loader)) for loader in loaders] == [20, 7, 7]


def test_an_epoch_may_be_several_passes():
    loader = MNISTDigits(train_size=20, passes=3, batch_size=20).train_dataloader()
    first, second, third = loader
    assert rows([first]) == rows([second]) == rows([third])
    assert not torch.equal(first, second)


def test_real_mnist_has_a_tenth_held_out(mnist_root):
    data = MNISTDigits(mnist_root)
    assert (len(data.train_dataloader()), len(data.val_dataloader()), len(data.test_dataloader())) == (540, 6, 10)


def test_a_batch_larger_than_the_digits_is_told():
    with pytest.raises(
        InputError, match="Expected at least one training batch of 2000 images but sklearn-digits has 1,2"
    ):
        MNISTDigits(batch_size=2000).train_dataloader()


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"eval_size": 0}, {"passes": 0}, {"held_out": 1.0}])
def test_wrong_sizes_are_told(wrong):
    with pytest.raises(InputError, match="Expected sizes and passes of at least 1 and held_out between 0 and 1"):
        MNISTDigits(**wrong)
