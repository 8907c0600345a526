"""An estimate is the same wherever it is called: what surrounds it in torch and Lightning stays outside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

from mine_lightning.denormals import kept_denormals
from mine_lightning.processes import alone

__all__ = ["on_its_own"]

# T's weights come from the global random stream, set aside meanwhile: two threads would mix theirs
_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def on_its_own() -> Iterator[None]:
    """Run a block on the CPU in float32 with gradients, outside of any autocast and any group of processes.

    One thread after the other. Autocast would keep a copy of T's first weights; inference mode leaves nothing to
    differentiate; the rank would enter the seed; a float below the normal ones is a value like others.

    Raises:
        KeyboardInterrupt: on Ctrl-C, of which Lightning's Trainer makes an exit of the process.
    """
    with _ONE_AT_A_TIME:
        dtype = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        try:
            with (
                torch.autocast("cpu", enabled=False),
                torch.inference_mode(False),
                torch.enable_grad(),
                torch.device("cpu"),
                alone(),
                kept_denormals(),
            ):
                yield
        except SystemExit as stopped:
            if isinstance(stopped.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise
        finally:
            torch.set_default_dtype(dtype)
