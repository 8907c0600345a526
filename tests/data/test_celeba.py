"""Batches of faces: the images of their split, in an order that (seed, epoch) sets, from workers or from one file."""

import os

import pytest
import torch
from faces import write_faces

from mine_lightning.data.celeba import CelebA
from mine_lightning.data.face_images import decode
from mine_lightning.errors import InputError


def pixels(data, index):
    return decode(data.faces.path(index)).float() / 127.5 - 1


@pytest.mark.parametrize("source", [{"workers": 0}, {"workers": 1}, {"cache": True, "workers": 0}])
def test_batches_are_the_splits_images_in_minus_one_to_one(tmp_path, source):
    data = CelebA(str(write_faces(tmp_path)), batch_size=8, eval_batch_size=3, **source)
    data.prepare_data()
    assert data.dataset_name == "celeba-40"
    assert [len(batch) for batch in data.train_dataloader()] == [8] * 4
    validation, test = (list(loader) for loader in (data.val_dataloader(), data.test_dataloader()))
    assert [len(batch) for batch in test] == [3, 1]
    torch.testing.assert_close(validation[0][0], pixels(data, 8))
    torch.testing.assert_close(test[0][1], pixels(data, 19))
    assert test[0].shape[1:] == (3, 64, 64)
    assert test[0].dtype == torch.float32


def test_each_epoch_sees_every_training_image_in_an_order_of_seed_and_epoch(tmp_path):
    write_faces(tmp_path)

    def order(seed, epoch):
        data = CelebA(str(tmp_path), workers=0, batch_size=8, seed=seed)
        loader = data.train_dataloader()
        loader.sampler.set_epoch(epoch)
        return torch.cat(list(loader))

    first = order(0, 0)
    assert torch.equal(first, order(0, 0))
    assert not torch.equal(first, order(0, 1))
    assert not torch.equal(first, order(1, 0))
    assert torch.equal(first.flatten(1).sum(1).sort().values, order(0, 1).flatten(1).sum(1).sort().values)


def test_sizes_cut_each_split(tmp_path):
    data = CelebA(str(write_faces(tmp_path)), workers=0, train_size=10, eval_size=2, batch_size=5)
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    assert [sum(map(len, loader)) for loader in loaders] == [10, 2, 2]


def test_the_cache_is_made_once_and_anew_for_other_files(tmp_path, monkeypatch):
    write_faces(tmp_path)
    CelebA(str(tmp_path), cache=True, workers=0).prepare_data()
    with monkeypatch.context() as patch:
        patch.setattr("mine_lightning.data.face_images.decode", lambda path: pytest.fail("decoded twice"))
        CelebA(str(tmp_path), cache=True, workers=0).prepare_data()
    folder = tmp_path / "cache" / "faces"
    assert len(list(folder.iterdir())) == 1
    (tmp_path / "celeba" / "img_align_celeba" / "000040.jpg").unlink()
    CelebA(str(tmp_path), cache=True, workers=0).prepare_data()
    assert len(list(folder.iterdir())) == 2


def test_a_damaged_image_leaves_no_cache_behind(tmp_path):
    data = CelebA(str(write_faces(tmp_path)), cache=True, workers=0)
    data.faces.path(3).write_bytes(b"")
    with pytest.raises(InputError, match="Expected a whole image in"):
        data.prepare_data()
    assert not list((tmp_path / "cache" / "faces").iterdir())


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    data = CelebA(str(write_faces(tmp_path)), cache=True, workers=0)
    (tmp_path / "cache").write_text("")
    with pytest.raises(InputError, match=r"Expected to keep decoded images in .* set data\.cache to false"):
        data.prepare_data()


def test_a_batch_larger_than_the_images_is_told(tmp_path):
    with pytest.raises(InputError, match=r"Expected at least one training batch of 100 images but .* has 32"):
        CelebA(str(write_faces(tmp_path))).train_dataloader()


def test_wrong_sizes_are_told():
    with pytest.raises(InputError, match="passes and workers of None, None, 0, 500, 1 and 2; correct"):
        CelebA(batch_size=0)


def test_no_more_workers_than_processors(tmp_path):
    assert CelebA(str(tmp_path), workers=1000).workers == len(os.sched_getaffinity(0))
    assert CelebA(str(tmp_path), workers=0).workers == 0
