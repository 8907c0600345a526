"""What stops a checkpoint's writing leaves the one before it."""

import errno
from pathlib import Path

import pytest
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from mine_lightning.runs.whole_checkpoints import WholeCheckpoints


def test_a_checkpoint_is_written_over_the_one_before(tmp_path):
    kept = tmp_path / "new" / "last.ckpt"
    for step in (1, 2):
        WholeCheckpoints().save_checkpoint({"step": step}, kept)
        assert torch.load(kept, weights_only=True) == {"step": step}
        assert [file.name for file in kept.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_is_cut_off_leaves_the_one_before(tmp_path, monkeypatch, stop):
    kept = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"step": 1}, str(kept))

    def half(self, checkpoint, path, storage_options=None):
        Path(path).write_bytes(b"half")
        raise stop

    monkeypatch.setattr(TorchCheckpointIO, "save_checkpoint", half)
    with pytest.raises(type(stop)):
        WholeCheckpoints().save_checkpoint({"step": 2}, str(kept))
    assert torch.load(kept, weights_only=True) == {"step": 1}
    assert list(tmp_path.iterdir()) == [kept]


def test_what_is_no_local_path_is_lightnings(tmp_path):
    WholeCheckpoints().save_checkpoint({"step": 1}, f"file://{tmp_path}/a.ckpt")
    assert torch.load(tmp_path / "a.ckpt", weights_only=True) == {"step": 1}


def test_storage_options_are_refused_as_by_lightning(tmp_path):
    with pytest.raises(TypeError, match="storage_options"):
        WholeCheckpoints().save_checkpoint({}, tmp_path / "a.ckpt", {"compression": 1})
    assert list(tmp_path.iterdir()) == []
