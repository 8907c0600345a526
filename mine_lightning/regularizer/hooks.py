"""Forward hooks by which a listener hears what a module is called with and what it returns."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Capture

__all__ = ["Listener", "put_on"]


class Listener(Protocol):
    """What hears."""

    def enter(self, capture: Capture, entered: Any) -> None:
        """Take in what a module is called with, before it may change that in place."""

    def record(self, module: nn.Module, capture: Capture, entered: Any, returned: Any) -> None:
        """Take in what a module was called with and what it returned."""


def put_on(module: nn.Module, listener: Listener, capture: Capture) -> list[Any]:
    """Put the hooks of a capture on a module and return their handles; they keep neither of the two alive.

    A copy of the module, or one loaded from a file, has hooks that do nothing.

    Raises:
        InputError: if the module takes none.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            f"Expected {capture.text!r} to name a module that runs in Python but it is TorchScript, which takes no "
            "hooks; capture what it is given or returns elsewhere, such as by 'attr:'."
        )
    ends = weakref.ref(module), weakref.ref(listener)
    handles: list[Any] = [module.register_forward_hook(_After(*ends, capture), with_kwargs=True)]
    if capture.kind == "input":  # a module may begin in place
        handles.append(module.register_forward_pre_hook(_Before(*ends, capture), with_kwargs=True))
    return handles


class _Hook:
    def __init__(self, module: weakref.ref[nn.Module], listener: weakref.ref[Listener], capture: Capture) -> None:
        self._module, self._listener, self._capture = module, listener, capture

    def _of(self, module: nn.Module) -> Listener | None:
        """Return who hears of a module; nobody does of another than the hook's own, as of a copy."""
        return self._listener() if self._module() is module else None

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable[..., None]:
        return _nothing

    def __reduce__(self) -> tuple[Any, ...]:
        return _inert, ()


class _After(_Hook):
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        if (listener := self._of(module)) is not None:
            listener.record(module, self._capture, _first(args, kwargs), output)


class _Before(_Hook):
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if (listener := self._of(module)) is not None:
            listener.enter(self._capture, _first(args, kwargs))


def _first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return next(iter((*args, *kwargs.values())), None)


def _inert() -> Callable[..., None]:
    return _nothing


def _nothing(*arguments: Any) -> None:
    """Do nothing, in place of a hook on a copied module."""
