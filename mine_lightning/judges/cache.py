"""Where trained judges are kept: one file each, whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.utilities.rank_zero import rank_zero_warn

__all__ = ["load", "save"]


def load(path: Path) -> dict[str, Any] | None:
    """Return a cached judge, or None where there is none or it is damaged."""
    try:
        return torch.load(path, weights_only=True)
    except FileNotFoundError:
        return None
    except Exception:
        rank_zero_warn(f"The cached judge {path} can't be read; it is trained again.")
        return None


def save(saved: dict[str, Any], path: Path) -> None:
    """Write in one step: a second process sees the whole file or none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            torch.save(saved, file)
        os.replace(file.name, path)
    except OSError as error:
        rank_zero_warn(f"The judge can't be kept in {path} ({error}): the next run trains it again.")
