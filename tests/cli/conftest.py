"""What the tests of the command line share."""

import pytest


@pytest.fixture
def quick_judge(monkeypatch):
    """A judge of three batches, for tests that look at the plumbing."""
    from mine_lightning.judges import digits

    train = digits._train
    monkeypatch.setattr(digits, "_train", lambda images: train(images, batches=3))
