"""What the graph of a host's loss tells: what it depends on, and whether it can be walked a second time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor
from torch.autograd.graph import Node

__all__ = ["dependencies", "has_reentrant_checkpoint", "leaves", "was_walked"]


def dependencies(loss: Tensor, sources: Sequence[Tensor]) -> list[bool]:
    """Return, for each of ``sources``, whether the graph of ``loss`` reaches it."""
    sought = {_key(source) for source in sources} - {None}
    found: set[object] = set()
    for node in _walk(loss):
        for key in (node, id(getattr(node, "variable", None))):
            if key in sought:
                found.add(key)
        if len(found) == len(sought):
            break
    return [_key(source) in found for source in sources]


def has_reentrant_checkpoint(tensor: Tensor) -> bool:
    """Return whether ``torch.utils.checkpoint`` with ``use_reentrant=True`` stands in the graph of ``tensor``.

    Such a region hides its parameters: ``torch.autograd.grad`` gives None for them, without an error.
    """
    return any(node.name() == "CheckpointFunctionBackward" for node in _walk(tensor))


def leaves(tensors: Sequence[Tensor]) -> set[Tensor]:
    """Return the leaves that tensors were computed from and that require a gradient; parameters, as a rule."""
    found = {tensor for tensor in tensors if tensor.grad_fn is None and tensor.requires_grad}
    for tensor in tensors:
        found |= {node.variable for node in _walk(tensor) if hasattr(node, "variable")}
    return found


def was_walked(tensor: Tensor) -> bool:
    """Return whether a backward has run through the graph of ``tensor`` and freed what it had saved."""
    for node in _walk(tensor):
        for name in (name for name in dir(node) if name.startswith("_saved_") or name == "saved_tensors"):
            try:
                getattr(node, name)
            except RuntimeError:
                return True
    return False


def _key(source: Tensor) -> object:
    if source.grad_fn is not None:
        return source.grad_fn
    return id(source) if source.requires_grad else None


def _walk(tensor: Tensor) -> Iterator[Node]:
    pending: list[Node] = [] if tensor.grad_fn is None else [tensor.grad_fn]
    seen: set[Node] = set(pending)
    while pending:
        node = pending.pop()
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)
