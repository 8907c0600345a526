"""``warnings.txt``: each warning that came up in a run, once; they still go where they went."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytorch_lightning.utilities.rank_zero import rank_zero_only

__all__ = ["kept_warnings", "read_warnings"]


@contextlib.contextmanager
def kept_warnings(path: Path) -> Iterator[None]:
    """Append the text of every warning that is shown inside to a file, one a line, by the first process alone."""
    shown = warnings.showwarning
    seen = set(read_warnings(path))

    def keep_and_show(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        text = " ".join(str(message).split())
        if text not in seen:
            seen.add(text)
            _append(path, text)
        shown(message, *args, **kwargs)

    # what the standard library's documentation offers for this: a function in the place of showwarning
    warnings.showwarning = keep_and_show
    try:
        yield
    finally:
        warnings.showwarning = shown


def read_warnings(path: Path) -> list[str]:
    """Return the warnings that a run has kept, oldest first."""
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


@rank_zero_only
def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
