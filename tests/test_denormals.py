"""Numbers below the normal floats are zero while a run trains, in all threads, and not after."""

import subprocess
import sys

import pytest
import torch

from mine_lightning.denormals import flushed_denormals, kept_denormals

TINY = torch.full((100,), 2**22, dtype=torch.int32).view(torch.float32)  # 5.9e-39


def left() -> int:
    return int((TINY * 1).view(torch.int32).count_nonzero())


pytestmark = pytest.mark.skipif(not torch.set_flush_denormal(False), reason="a processor that can't")


def test_they_are_zero_within_and_not_after():
    with flushed_denormals():
        assert left() == 0
        with flushed_denormals():
            assert left() == 0
        assert left() == 0  # who had it so keeps it
    assert left() == 100


def test_they_are_kept_within_whatever_was_set():
    with flushed_denormals():
        with kept_denormals():
            assert left() == 100
        assert left() == 0


def test_an_error_ends_it_too():
    with pytest.raises(RuntimeError), flushed_denormals():
        raise RuntimeError
    assert left() == 100


THREADS = """
import sys
import torch
from mine_lightning.cli import main, trainings

torch.set_num_threads(2)

def probe(*_, **__):
    tiny = torch.full((4_000_000,), 2**22, dtype=torch.int32).view(torch.float32)
    print("left:", int((tiny * 1).view(torch.int32).count_nonzero()))
    raise SystemExit

trainings._run = probe
main(["--config", "gan_stacked_mnist", "--config", "smoke", "--output", sys.argv[1]])
"""


def test_a_training_has_it_in_all_of_torchs_threads(tmp_path):
    words = [sys.executable, "-c", THREADS, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert "left: 0\n" in done.stdout, done.stderr
