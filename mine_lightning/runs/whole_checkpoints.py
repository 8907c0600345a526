"""Checkpoints that are there whole, or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

__all__ = ["WholeCheckpoints"]


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints, written beside their place and renamed.

    Lightning writes to the system's temporary folder and moves. To another file system a move is a copy, and one that
    a kill or a full disk cuts off leaves half a ``last.ckpt``, from which no run goes on.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint in one step, so that what stops it leaves the old one.

        Args:
            checkpoint: what to write.
            path: where to; what is no local path (``s3://...``) is written as Lightning does.
            storage_options: refused, as by Lightning.

        Raises:
            OSError: if it can't be written.
            TypeError: if there are storage options.
        """
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        whole = Path(path)
        part = whole.with_name(whole.name + ".part")
        try:
            super().save_checkpoint(checkpoint, part, storage_options)
            part.replace(whole)
        except BaseException:
            with suppress(OSError):  # it may be why
                part.unlink(missing_ok=True)
            raise
