"""Warnings that come once, however often their reason is met."""

from __future__ import annotations

from pytorch_lightning.utilities.rank_zero import rank_zero_warn

__all__ = ["Once"]


class Once:
    """Says each thing once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, what: str, sentence: str) -> None:
        """Warn with a sentence, the first time that ``what`` is off."""
        if what not in self._said:
            self._said.add(what)
            rank_zero_warn(sentence)
