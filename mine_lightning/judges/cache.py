"""Where trained judges are kept: one file each, whole or not there."""

from __future__ import annotations

import contextlib
import secrets
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
    """Write in one step: a second process sees the whole file or none. Others may read it, as the umask says."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(saved, part)
        part.replace(path)
    except (OSError, RuntimeError) as error:  # the latter is what torch makes of a full disk
        rank_zero_warn(f"The judge can't be kept in {path} ({error}): the next run trains it again.")
        with contextlib.suppress(OSError):
            part.unlink()
