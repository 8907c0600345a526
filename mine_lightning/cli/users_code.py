"""Where in a user's own code something went wrong."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path

from mine_lightning.errors import InputError

__all__ = ["place_of"]

# of installed packages, of Python and of this package
_OTHERS = (
    *(sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")),
    Path(__file__).parents[1],
)


def place_of(error: BaseException) -> str:
    """Return where in code of no package an error was raised, ``" (TypeError at FILE:LINE)"``, or nothing.

    What was raised while others wrapped it counts, what the code itself had caught before does not.
    """
    now: BaseException | None = error
    while now is not None:
        frames = [frame for frame in traceback.extract_tb(now.__traceback__) if _is_users(frame.filename)]
        if frames and not isinstance(now, InputError):
            return f" ({type(now).__name__} at {frames[-1].filename}:{frames[-1].lineno})"
        now = now.__cause__ or now.__context__
    return ""


def _is_users(file: str) -> bool:
    return not file.startswith(("<", *(f"{folder}{os.sep}" for folder in _OTHERS)))
