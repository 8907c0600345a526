"""What a compiled host must keep for the term, whose gradient runs through its graph a second time."""

from __future__ import annotations

import torch._functorch.config as functorch_config

__all__ = ["KeepBuffers"]


class KeepBuffers:
    """Stops compiled backwards from giving their buffers away, from :meth:`hold` to :meth:`release`.

    torch asks for ``donated_buffer=False`` where a graph is walked with ``retain_graph=True``. The setting is the
    process's: the last of several holders gives back what the first one found.
    """

    _holders: set[int] = set()
    _found = True

    def hold(self) -> None:
        """Set it, before the first compiled call; a second call changes nothing."""
        if not KeepBuffers._holders:
            KeepBuffers._found = functorch_config.donated_buffer
        KeepBuffers._holders.add(id(self))
        functorch_config.donated_buffer = False

    def release(self) -> None:
        """Give it back, where no other holder is left; a second call changes nothing."""
        if id(self) in KeepBuffers._holders:
            KeepBuffers._holders.discard(id(self))
            if not KeepBuffers._holders:
                functorch_config.donated_buffer = KeepBuffers._found
