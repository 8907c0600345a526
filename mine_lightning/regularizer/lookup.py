"""Where a capture's name leads: to a submodule of the host, an entry of the batch or an attribute."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pytorch_lightning import LightningModule
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Capture, describe

__all__ = ["attribute_of", "entry_of", "module_of"]


def module_of(host: LightningModule, capture: Capture) -> nn.Module:
    """Return the submodule that a capture names.

    Raises:
        InputError: if there is none, with the names that there are.
    """
    try:
        return host.get_submodule(capture.path)
    except AttributeError:
        if callable(getattr(host, capture.path, None)):
            raise InputError(
                f"Expected {capture.text!r} to name a submodule of {type(host).__name__} but it is a method; take what "
                "receives its result, as 'input:decoder' does, or set self.z to it and give 'attr:z'."
            ) from None
        names = [name for name, _ in host.named_modules() if name]
        near = difflib.get_close_matches(capture.path, names, n=1)
        hint = f"did you mean {capture.kind}:{near[0]}? " if near else ""
        shown = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
        raise InputError(
            f"Expected {capture.text!r} to name a submodule of {type(host).__name__} but there is no "
            f"{capture.path!r}; {hint}it has: {shown}."
        ) from None


def entry_of(batch: Any, capture: Capture) -> Any:
    """Return the entry of a batch that a capture names: by its number, its key or its field's name; or all of it.

    Raises:
        InputError: if the batch has no such entry.
    """
    if not capture.path:
        return batch
    if isinstance(batch, Tensor):
        raise InputError(
            f"Expected a batch of several entries for {capture.text!r} but it is one tensor of shape "
            f"{list(batch.shape)}; give 'batch:'."
        )
    number = int(capture.path) if capture.path.removeprefix("-").isdecimal() else None
    try:
        if isinstance(batch, Mapping):
            return batch[number if capture.path not in batch and number in batch else capture.path]
        # a field of a dataclass, a named tuple or another container by its name
        if number is None and not hasattr(batch, capture.path) and hasattr(batch, "__getitem__"):
            return batch[capture.path]
        return batch[number] if number is not None else getattr(batch, capture.path)
    except Exception:  # a field may be a property of the user's
        raise InputError(
            f"Expected {capture.text!r} to name an entry of the batch but the batch is {describe(batch)}; "
            "give one of these, or 'batch:' for the whole batch."
        ) from None


def attribute_of(host: LightningModule, capture: Capture) -> Any:
    """Return what the host's attribute is now, or None where it has none."""
    found: Any = host
    try:
        for name in capture.path.split("."):
            found = getattr(found, name, None)
    except Exception:  # a property that is not to be asked for yet
        return None
    return found
