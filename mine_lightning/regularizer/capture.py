"""Where x and z come from: strings that name a tensor of a running LightningModule.

======================================  ================================================================
``"output:encoder"``                    what the submodule ``encoder`` returned
``"input:decoder"``                     the first argument that ``decoder`` was called with
``"batch:0"``, ``"batch:image"``        an entry of the batch by number or key; ``"batch:"`` the whole batch
``"attr:code"``                         the host's attribute ``code``
``"input:generator[:, :10]"``           any of them with an index or slice; for a tuple or a dict it selects an entry:
                                        ``"output:encoder[0]"``, ``"output:encoder['mu'][:, 2]"``
======================================  ================================================================
"""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.rank_zero import rank_zero_warn
from torch import Tensor, nn

from mine_lightning.errors import InputError

__all__ = ["Capture", "Captured", "Recorder"]

_KINDS = ("output", "input", "batch", "attr")


@dataclass(frozen=True)
class Capture:
    """A capture string taken apart.

    Attributes:
        text: the string as the user wrote it.
        kind: one of output, input, batch, attr.
        path: the submodule, batch entry or attribute.
        index: what to index the tensor with, one entry for each pair of brackets.
    """

    text: str
    kind: str
    path: str
    index: tuple[Any, ...]

    @classmethod
    def parse(cls, text: str) -> Capture:
        """Take a capture string apart.

        Raises:
            InputError: if it does not follow the grammar in the module's docstring.
        """
        head, bracket, rest = text.partition("[")
        kind, colon, path = head.partition(":")
        if not colon or kind not in _KINDS or (not path and kind != "batch"):
            raise InputError(
                f"Expected a capture such as 'output:encoder', 'input:decoder', 'batch:0' or 'attr:code' but got "
                f"{text!r}; start it with one of {', '.join(kind + ':' for kind in _KINDS)}."
            )
        return cls(text, kind, path, _parse_index(text, bracket + rest) if bracket else ())

    def select(self, found: Any) -> Tensor:
        """Apply the index to what was found.

        Raises:
            InputError: if the index does not fit, or the result is no tensor.
        """
        for index in self.index:
            try:
                found = found[index]
            except (IndexError, KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"Expected {self.text!r} to index what is there but it is {_describe(found)} ({error}); "
                    "correct the brackets."
                ) from error
        if not isinstance(found, Tensor):
            raise InputError(
                f"Expected {self.text!r} to name a tensor but it is {_describe(found)}; select an entry with brackets, "
                f"such as '{self.text}[0]'."
            )
        return found


@dataclass
class Captured:
    """A pair caught in one forward pass of the host, still in its graph.

    Attributes:
        x: samples ``[n, ...]``.
        z: their partners ``[n, ...]``.
        sources: the tensors as the host holds them, before any index: they are what a loss depends on.
        share: the term's gradient through this pair by parameter of the host, once it was computed; empty where it
            joined the loss.
    """

    x: Tensor
    z: Tensor
    sources: tuple[Tensor, ...]
    share: dict[nn.Parameter, Tensor] | None = None


class Recorder:
    """Catches x and z while the host runs, by forward hooks that change nothing.

    Where a module runs several times in a step, its newest call counts. Records are made between :meth:`arm` and
    :meth:`disarm` only, in training only where gradients are on.

    Args:
        x: capture of x.
        z: capture of z.
    """

    def __init__(self, x: Capture, z: Capture) -> None:
        self.captures = (x, z)
        self._handles: list[Any] = []
        self._found: dict[str, Any] = {}
        self._newest: Captured | None = None
        self._stale: dict[str, Any] = {}
        self._versions: dict[str, int] = {}
        self._calls: Counter[str] = Counter()
        self._said: set[str] = set()
        self._armed = self._paused = False
        self._need_grad = True

    def attach(self, host: LightningModule) -> None:
        """Put hooks on the named submodules.

        Raises:
            InputError: if a name does not exist, with the names that do.
        """
        for capture in self.captures:
            if capture.kind in ("output", "input"):
                module = _find_module(host, capture)
                self._handles.append(module.register_forward_hook(self._hook(capture), with_kwargs=True))

    def detach(self) -> None:
        """Take the hooks off and let go of every tensor."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.disarm()

    def arm(self, host: LightningModule, batch: Any, need_grad: bool = True) -> None:
        """Start to record; captures of the batch are read from ``batch``, attributes count once they are set anew."""
        self.disarm()
        self._armed, self._paused, self._need_grad = True, False, need_grad
        for capture in self.captures:
            if capture.kind == "attr":
                self._stale[capture.text] = _attribute(host, capture)
            elif capture.kind == "batch":
                self._found[capture.text] = _entry(batch, capture)

    def disarm(self) -> None:
        """Stop to record and let go of every tensor."""
        self._armed = False
        self._found.clear()
        self._stale.clear()
        self._versions.clear()
        self._calls.clear()
        self._newest = None

    def pause(self) -> None:
        """Record nothing until :meth:`resume`: in a backward a checkpointed module runs again, in another graph."""
        self._paused = True
        self._warn_of_several_calls()
        self._calls.clear()

    def resume(self) -> None:
        """Go on to record after :meth:`pause`."""
        self._paused = False

    def newest(self, host: LightningModule) -> Captured | None:
        """Return the newest pair, or None where x or z has not been seen since :meth:`arm`."""
        for capture in self.captures:
            if capture.kind == "attr":
                self._look_up(host, capture)
        x, z = self.captures
        if x.text not in self._found or z.text not in self._found:
            return None
        found = (self._found[x.text], self._found[z.text])
        if self._newest is None or any(a is not b for a, b in zip(self._newest.sources, found, strict=True)):
            self._warn_of_changes()
            self._newest = Captured(x.select(found[0]), z.select(found[1]), found)
            _check_pair(self._newest, x, z)
        return self._newest

    def explain_missing(self, host: LightningModule) -> str:
        """Return one sentence on the captures that were not seen since :meth:`arm`."""
        missing = [capture for capture in self.captures if capture.text not in self._found]
        names = " and ".join(repr(capture.text) for capture in missing)
        if any(capture.kind == "attr" for capture in missing):
            return (
                f"Expected {names} to name an attribute of {type(host).__name__} but there is none after the first "
                "batch; set it in training_step, or capture a submodule's input or output."
            )
        return (
            f"Expected {names} to be seen in the first batch of {type(host).__name__} but it never ran with "
            "gradients; name a module that training_step calls, outside of any reentrant activation checkpoint."
        )

    def _look_up(self, host: LightningModule, capture: Capture) -> None:
        """Record an attribute as it is now; a host may set it after the first of several backwards."""
        found = _attribute(host, capture)
        if found is None or found is self._stale.get(capture.text):
            self._found.pop(capture.text, None)
        else:
            self._found[capture.text] = found

    def _warn_of_changes(self) -> None:
        """Warn once where a tensor was changed in place after its module returned it, as an in-place ReLU does."""
        for text, version in self._versions.items():
            if self._found[text]._version != version:
                self._say(
                    "changed",
                    f"{text!r} was changed in place after it was captured: the term sees the changed tensor. "
                    "Capture the output of what changes it, or turn inplace=True off.",
                )

    def _warn_of_several_calls(self) -> None:
        """Warn once where a module ran several times before one backward, as in a siamese network."""
        for text, calls in self._calls.items():
            if calls > 1:
                self._say(
                    "several",
                    f"{text!r} was captured {calls} times before one backward: the newest call counts. To catch "
                    "another, or all of them, name a submodule that sees just that, or set an attribute for 'attr:'.",
                )

    def _say(self, what: str, sentence: str) -> None:
        if what not in self._said:
            self._said.add(what)
            rank_zero_warn(sentence)

    def _hook(self, capture: Capture) -> Callable[..., None]:
        # a closure, not a bound method: deepcopy(host) would copy the callback along with a method of it
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            if self._armed and not self._paused and (torch.is_grad_enabled() or not self._need_grad):
                found = output if capture.kind == "output" else next(iter((*args, *kwargs.values())), None)
                self._found[capture.text] = found
                self._calls[capture.text] += 1
                if isinstance(found, Tensor) and not torch.compiler.is_compiling():  # there versions are constants
                    self._versions[capture.text] = found._version

        return hook


def _parse_index(text: str, brackets: str) -> tuple[Any, ...]:
    try:
        node = ast.parse("_" + brackets, mode="eval").body
        index: list[Any] = []
        while isinstance(node, ast.Subscript):
            index.insert(0, _index_value(node.slice))
            node = node.value
        if not isinstance(node, ast.Name):
            raise ValueError("only brackets may follow the name")
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"Expected brackets with numbers, slices or keys, such as '[:, :16]', but got {brackets!r} in {text!r}; "
            "correct them."
        ) from error
    return tuple(index)


def _index_value(node: ast.expr) -> Any:
    """Return the int, string, slice or tuple of them that an index expression means; names and calls are refused."""
    if isinstance(node, ast.Slice):
        ends = (node.lower, node.upper, node.step)
        return slice(*(None if end is None else _index_value(end) for end in ends))
    if isinstance(node, ast.Tuple):
        return tuple(_index_value(element) for element in node.elts)
    return ast.literal_eval(node)


def _find_module(host: LightningModule, capture: Capture) -> nn.Module:
    try:
        return host.get_submodule(capture.path)
    except AttributeError:
        names = [name for name, _ in host.named_modules() if name]
        near = difflib.get_close_matches(capture.path, names, n=1)
        hint = f"did you mean {capture.kind}:{near[0]}? " if near else ""
        shown = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
        raise InputError(
            f"Expected {capture.text!r} to name a submodule of {type(host).__name__} but there is no "
            f"{capture.path!r}; {hint}it has: {shown}."
        ) from None


def _entry(batch: Any, capture: Capture) -> Any:
    if not capture.path:
        return batch
    try:
        return batch[capture.path] if isinstance(batch, Mapping) else batch[int(capture.path)]
    except (IndexError, KeyError, TypeError, ValueError):
        has = f"keys {list(batch)}" if isinstance(batch, Mapping) else _describe(batch)
        raise InputError(
            f"Expected {capture.text!r} to name an entry of the batch but the batch has {has}; "
            "give one of these, or 'batch:' for the whole batch."
        ) from None


def _attribute(host: LightningModule, capture: Capture) -> Any:
    """Return what the host's attribute is now, or None where it has none."""
    found: Any = host
    for name in capture.path.split("."):
        found = getattr(found, name, None)
    return found


def _check_pair(pair: Captured, x: Capture, z: Capture) -> None:
    if pair.x.ndim == 0 or pair.z.ndim == 0 or len(pair.x) != len(pair.z):
        raise InputError(
            f"Expected x and z to have the same number of samples but {x.text!r} has shape {list(pair.x.shape)} and "
            f"{z.text!r} has {list(pair.z.shape)}; capture both from the same forward pass."
        )


def _describe(found: Any) -> str:
    if isinstance(found, Tensor):
        return f"a tensor of shape {list(found.shape)}"
    if isinstance(found, Mapping):
        return f"a {type(found).__name__} with keys {list(found)}"
    if isinstance(found, tuple | list):
        return f"a {type(found).__name__} of {len(found)}"
    return f"a {type(found).__name__}"
