"""Where x and z come from: strings that name a tensor of a running LightningModule.

======================================  ================================================================
``"output:encoder"``                    what the submodule ``encoder`` returned
``"input:decoder"``                     the first argument that ``decoder`` was called with
``"batch:0"``, ``"batch:image"``        an entry of the batch by number, key or field; ``"batch:"`` the whole batch
``"attr:code"``                         the host's attribute ``code``
``"input:generator[:, :10]"``           any of them with an index or slice; for a tuple or a dict it selects an entry:
                                        ``"output:encoder[0]"``, ``"output:encoder['mu'][:, 2]"``; a field of a
                                        dataclass, a named tuple or a distribution: ``"output:encoder['loc']"``
``["batch:", "output:generator"]``      several of them, whose samples follow each other: one batch out of two
======================================  ================================================================
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.utils import lazy_property

from mine_lightning.errors import InputError, check_dense

__all__ = ["Capture", "Side", "describe"]

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

    def select(self, found: Any) -> tuple[tuple[Tensor, ...], Tensor]:
        """Apply the index to what was found; return the host's own tensor, out of any tuple or dict, and the selection.

        Of a distribution, whose fields may be computed when they are asked for, the own ones are all that it holds.

        Raises:
            InputError: if the index does not fit, or the result is no dense tensor of real or whole numbers, or empty.
        """
        source: Any = found
        held: tuple[Tensor, ...] = ()
        for index in self.index:
            try:
                entry = _entry(found, index)
            except Exception as error:  # a field may be a property of the user's
                # the first sentence: torch may name all of its backends
                why = re.split(r"\.\s|\n", str(error), maxsplit=1)[0][:200] or type(error).__name__
                raise InputError(
                    f"Expected {self.text!r} to index what is there but it is {describe(source)} ({why}); "
                    "correct the brackets, or set an attribute of the host and capture it with 'attr:'."
                ) from error
            held = _parameters(found) if isinstance(found, Distribution) else held
            found, source = entry, source if isinstance(source, Tensor) else entry
        if not isinstance(found, Tensor):
            raise InputError(
                f"Expected {self.text!r} to name a tensor but it is {describe(found)}; {_hint(self.text, found)}"
                "set an attribute of the host and capture it with 'attr:'."
            )
        if found.is_complex():
            raise InputError(
                f"Expected {self.text!r} to be real but it is complex; set an attribute of the host to its "
                "torch.view_as_real and capture that with 'attr:'."
            )
        remedy = "set an attribute of the host to a dense tensor of it, and capture that with 'attr:'"
        check_dense(found, repr(self.text), remedy)
        if 0 in found.shape[1:]:
            raise InputError(
                f"Expected {self.text!r} to leave numbers of each sample but it is {describe(found)}; correct the "
                "brackets, or capture what has some."
            )
        return held or (source,), found

    def tensors(self, found: Any) -> tuple[Tensor, ...]:
        """Return the host's own tensors in what was found, as :meth:`select` does; none where it would raise."""
        try:
            return self.select(found)[0]
        except InputError:
            return ()


@dataclass(frozen=True)
class Side:
    """Where one side of the pairs, x or z, comes from: one capture, or several whose samples follow each other.

    Attributes:
        text: as the user wrote it; of several, in brackets.
        captures: one or more.
    """

    text: str
    captures: tuple[Capture, ...]

    @classmethod
    def parse(cls, words: str | Sequence[str]) -> Side:
        """Take one capture string, or a list of them, apart.

        Raises:
            InputError: for an empty list, or a string that does not follow the grammar in the module's docstring.
        """
        if isinstance(words, str):
            return cls(words, (Capture.parse(words),))
        if not words:
            raise InputError("Expected one capture or more in the list of x or z but got none; name one.")
        return cls(f"[{', '.join(words)}]", tuple(Capture.parse(text) for text in words))

    def select(self, found: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], list[Tensor]]:
        """Return the host's own tensors and the samples ``[n, ...]`` that are selected from each.

        Args:
            found: what each capture found, by its text.

        Raises:
            InputError: if an index does not fit, a result is no tensor, or the samples of two differ in shape.
        """
        selected = [capture.select(found[capture.text]) for capture in self.captures]
        sources, parts = tuple(own for sources, _ in selected for own in sources), [part for _, part in selected]
        shapes = [list(part.shape) for part in parts]
        if len(parts) > 1 and any(not shape or shape[1:] != shapes[0][1:] for shape in shapes):
            raise InputError(
                f"Expected the samples of {self.text} to have one shape but they are "
                f"{' and '.join(map(str, shapes))}; only the first axis, which counts samples, may differ."
            )
        return sources, parts


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


def _entry(found: Any, index: Any) -> Any:
    """Return an entry, or a field where something has fields in place of entries: a dataclass, a distribution."""
    if not isinstance(index, str) or isinstance(found, Tensor | Mapping | list) or type(found) is tuple:
        return found[index]
    if hasattr(type(found), "__getitem__") and not isinstance(found, tuple):
        try:
            return found[index]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            if not hasattr(found, index):
                raise
    return getattr(found, index)


def _parameters(distribution: Distribution) -> tuple[Tensor, ...]:
    """Return the tensors with a gradient that a distribution holds, or those that it is made of."""
    found: list[Tensor] = []
    for name, value in vars(distribution).items():
        if isinstance(value, Distribution):
            found += _parameters(value)
        # one that is computed when it is first asked for comes to lie beside the others
        elif isinstance(value, Tensor) and value.requires_grad and not _is_lazy(distribution, name):
            found.append(value)
    return tuple(found)


def _is_lazy(distribution: Distribution, name: str) -> bool:
    return isinstance(getattr(type(distribution), name, None), lazy_property)


def describe(found: Any) -> str:
    """Return what something is, in a few words, for a message."""
    if isinstance(found, Tensor):
        if found.is_nested:  # which may have no shape
            return "a nested tensor, of samples that differ in length"
        return f"a tensor of shape {list(found.shape)}"
    if isinstance(found, Mapping):
        return f"a {type(found).__name__} with keys {list(found)}"
    if isinstance(found, tuple | list):
        return f"a {type(found).__name__} of {len(found)}, numbered from 0"
    fields = _fields(found)
    return f"a {type(found).__name__}" + (f" with fields {fields}" if fields else "")


def _fields(found: Any) -> list[str]:
    """Return the names of the tensors that an object holds."""
    slots = getattr(type(found), "__slots__", ())
    held = getattr(found, "__dict__", {}) | {name: getattr(found, name, None) for name in slots}
    return [name for name, value in held.items() if isinstance(value, Tensor) and not name.startswith("_")]


def _hint(text: str, found: Any) -> str:
    """Return how to select an entry of what is no tensor, up to an "or", where it has entries."""
    entries: list[tuple[Any, Any]] = [(name, getattr(found, name)) for name in _fields(found)]
    if isinstance(found, Mapping | tuple | list):
        entries = list(found.items()) if isinstance(found, Mapping) else list(enumerate(found))
    for kinds in (Tensor, Mapping | tuple | list):
        for name, value in entries:
            if isinstance(value, kinds):
                return f'select an entry with brackets, such as "{text}[{name!r}]", or '
    return ""
