"""The judge of faces: learns what can be seen, is checked, cached, and no part of any host."""

import logging

import pytest
import torch
from faces import write_faces
from torch import nn

from mine_lightning.data.face_images import load_face_images
from mine_lightning.errors import InputError
from mine_lightning.judges import attributes as judges
from mine_lightning.judges.attributes import AttributeJudge
from mine_lightning.networks import AttributeClassifier


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A judge of forty images whose first attribute is their brightness, trained a few steps, once for this file."""
    root, cache = tmp_path_factory.mktemp("faces"), tmp_path_factory.mktemp("judges")
    faces = load_face_images(write_faces(root, n=60, listed=60))
    with pytest.MonkeyPatch.context() as patch:
        train = judges._train
        patch.setattr(judges, "_train", lambda images, labels: train(images, labels, batches=25, batch_size=16))
        return faces, AttributeJudge.trained_on(faces, cache), cache


def test_what_can_be_seen_is_read_right_off_test_images(trained):
    faces, judge, _ = trained
    indices, truth = faces.labelled(2, 10)
    found = judge.read(faces.images(indices).float() / 127.5 - 1)
    assert found.dtype == torch.bool
    assert torch.equal(found[:, 0], truth[:, 0])
    assert judge.accuracy == pytest.approx((found == truth).double().mean().item())


def test_its_accuracy_is_told_beside_the_majoritys(trained, caplog):
    faces, judge, cache = trained
    caplog.set_level(logging.INFO)
    AttributeJudge.trained_on(faces, cache)
    assert f"Judge of celeba-60: {judge.accuracy:.2%} of 3 attributes of 6 test images right" in caplog.text
    _, train = faces.labelled(0, 100)
    _, test = faces.labelled(2, 100)
    answers = [column.double().mean() > 0.5 for column in train.T]
    expected = sum((test[:, i] == answers[i]).double().mean().item() for i in range(3)) / 3
    assert judge.majority == pytest.approx(expected)


def test_the_cache_is_read_and_other_files_get_their_own_judge(trained, tmp_path, monkeypatch):
    faces, judge, cache = trained
    monkeypatch.setattr(judges, "_train", lambda *_: pytest.fail("trained twice"))
    images = torch.rand(3, 3, 64, 64)
    assert torch.equal(AttributeJudge.trained_on(faces, cache).read(images), judge.read(images))
    other = load_face_images(write_faces(tmp_path, n=60, listed=50))
    monkeypatch.setattr(judges, "_train", lambda images, labels: AttributeClassifier(3).eval())
    monkeypatch.setattr(judges, "rank_zero_warn", lambda message: None)
    AttributeJudge.trained_on(other, cache)
    assert len(list(cache.iterdir())) == 2


def test_a_judge_no_better_than_the_majority_is_told(tmp_path, monkeypatch):
    classifier = AttributeClassifier(3).eval()
    nn.init.zeros_(classifier.body[-1].weight)
    nn.init.constant_(classifier.body[-1].bias, -1.0)
    monkeypatch.setattr(judges, "_train", lambda images, labels: classifier)
    faces = load_face_images(write_faces(tmp_path, n=60, listed=60))
    with pytest.warns(UserWarning, match="recon_accuracy says little"):
        AttributeJudge.trained_on(faces, tmp_path / "judges")


def test_a_missing_list_of_attributes_is_told(tmp_path):
    faces = load_face_images(write_faces(tmp_path, listed=0))
    with pytest.raises(InputError, match=r"Expected CelebA's .*list_attr_celeba\.txt, whose attributes a judge"):
        AttributeJudge.trained_on(faces)


def test_images_of_another_size_are_told(trained):
    with pytest.raises(
        InputError, match=r"Expected images \[n, 3, 64, 64\] for the judge .* got shape \[2, 1, 28, 28\]"
    ):
        trained[1].read(torch.zeros(2, 1, 28, 28))


def test_neither_training_nor_the_cache_moves_the_global_random_state(tmp_path, monkeypatch):
    faces, train = load_face_images(write_faces(tmp_path, n=60, listed=60)), judges._train
    monkeypatch.setattr(judges, "_train", lambda images, labels: train(images, labels, batches=1))
    monkeypatch.setattr(judges, "rank_zero_warn", lambda message: None)
    before = torch.get_rng_state()
    for _ in range(2):  # trained, then from the cache
        AttributeJudge.trained_on(faces, tmp_path / "judges")
        assert torch.equal(before, torch.get_rng_state())


def test_no_host_can_register_it(trained):
    host = nn.Module()
    host.judge = trained[1]
    assert not host.state_dict()
