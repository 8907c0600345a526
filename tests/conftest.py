"""Every test runs offline, on one thread or OMP_NUM_THREADS, with its own cache, and leaves the process as it was."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # two processes share the tests
# the real data set, where a developer has it; tests that need it skip without. Taken from the environment, so that no
# other test finds it; the processes that share the tests start after that
MNIST_ROOT = os.environ.pop("MINE_LIGHTNING_DATA", None) or os.environ.get("TESTS_OF_MINE_LIGHTNING_DATA")
if MNIST_ROOT is not None:
    os.environ["TESTS_OF_MINE_LIGHTNING_DATA"] = MNIST_ROOT


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No download, no W&B, no key, and a cache that starts empty."""
    monkeypatch.setenv("MINE_LIGHTNING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("MINE_LIGHTNING_RUN_FOLDER", raising=False)
    monkeypatch.setattr("mine_lightning.data.digit_images._download", lambda cache: None)
    torch.manual_seed(0)


@pytest.fixture
def mnist_root() -> str:
    """The folder of the real MNIST."""
    if MNIST_ROOT is None:
        pytest.skip("needs MNIST: set MINE_LIGHTNING_DATA to a folder that holds MNIST/raw")
    return MNIST_ROOT
