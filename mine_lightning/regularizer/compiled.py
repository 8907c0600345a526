"""What a compiled host must keep for the term, whose gradient runs through its graph a second time."""

from __future__ import annotations

import sys
from typing import Any

import torch._functorch.config as functorch_config

__all__ = ["KeepBuffers"]

try:
    import torch.compiler.config as compiler_config

    _caches: Any = compiler_config if hasattr(compiler_config, "cache_key_tag") else None
except ImportError:  # torch of before there was one
    _caches = None

_TAG = "mine_lightning: no buffer is donated"


class KeepBuffers:
    """Stops compiled backwards from giving their buffers away, from :meth:`hold` to :meth:`release`.

    torch asks for ``donated_buffer=False`` where a graph is walked with ``retain_graph=True``. A backward that was
    compiled before that overwrites what the second walk reads, without a word, and inductor's cache on disk hands such
    a backward to a process that has the setting: so what was compiled before is compiled anew, and the cache has keys
    of its own meanwhile.

    The settings are the process's: the last of several holders gives back what the first one found.
    """

    _holders: set[int] = set()
    _found: tuple[bool, str] = True, ""

    def hold(self) -> None:
        """Set it, before the first compiled call; a second call changes nothing."""
        if not KeepBuffers._holders:
            KeepBuffers._found = functorch_config.donated_buffer, getattr(_caches, "cache_key_tag", "")
            if functorch_config.donated_buffer:
                _compile_anew()
        KeepBuffers._holders.add(id(self))
        _set(False, KeepBuffers._found[1] + _TAG)

    def release(self) -> None:
        """Give it back, where no other holder is left; a second call changes nothing."""
        if id(self) in KeepBuffers._holders:
            KeepBuffers._holders.discard(id(self))
            if not KeepBuffers._holders:
                _set(*KeepBuffers._found)


def _set(donates: bool, tag: str) -> None:
    functorch_config.donated_buffer = donates
    if _caches is not None:
        _caches.cache_key_tag = tag


def _compile_anew() -> None:
    """Forget what was compiled; it has no hooks of ours either, where dynamo does not look for new ones."""
    if "torch._dynamo" in sys.modules:  # not imported for this: that takes a second
        sys.modules["torch._dynamo"].reset()
