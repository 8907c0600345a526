"""``compare``: several run folders on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mine_lightning.errors import InputError
from mine_lightning.runs.folder import write_whole
from mine_lightning.runs.record import RunRecord
from mine_lightning.views.comparison import comparison

__all__ = ["compare"]


def compare(words: Sequence[str]) -> Path:
    """Write the page of several runs and return where.

    Args:
        words: of the command line: run folders, and ``--output FILE``, by default ``compare.html``.

    Raises:
        InputError: for a folder of no run, fewer than two of them, or a place that can't be written.
    """
    folders, output = [part for word in words for part in _apart(word)], "compare.html"
    if "--output" in folders:
        at = folders.index("--output")
        if at + 1 == len(folders):
            raise InputError("Expected a file after --output but the command ends there.")
        output = folders[at + 1]
        del folders[at : at + 2]
    if len(folders) < 2:
        raise InputError(f"Expected two run folders or more but got {len(folders)}; one has its own report.html.")
    page = comparison([RunRecord.read(folder) for folder in folders])
    write_whole(Path(output), page)
    return Path(output)


def _apart(word: str) -> list[str]:
    """Return ``--output=FILE`` as the two words that it stands for."""
    return word.split("=", 1) if word.startswith("--output=") else [word]
