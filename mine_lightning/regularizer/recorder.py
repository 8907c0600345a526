"""Catches x and z while a host runs, by forward hooks that change nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeAlias

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from mine_lightning.errors import InputError
from mine_lightning.regularizer.capture import Capture, Side
from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.hooks import put_on
from mine_lightning.regularizer.lookup import attribute_of, entry_of, module_of
from mine_lightning.regularizer.once import Once

__all__ = ["Recorder"]

_Version: TypeAlias = tuple[Tensor, int]  # how often it has been changed in place


class Recorder:
    """Catches x and z while the host runs, by forward hooks that change nothing.

    Where a module runs several times in a step, its newest call counts; one without gradients, such as a generator's
    for its critic, never replaces one with. Records are made between :meth:`arm` and :meth:`disarm` only.

    Args:
        x: where x comes from.
        z: where z comes from.
        once: says what is off with a capture.

    Raises:
        InputError: if x and z differ in their number of captures.
    """

    def __init__(self, x: Side, z: Side, once: Once) -> None:
        if len(x.captures) != len(z.captures):
            raise InputError(
                f"Expected x and z to have as many captures but got {len(x.captures)} in {x.text} and "
                f"{len(z.captures)} in {z.text}; samples of the first go with samples of the first, and so on."
            )
        self._once = once
        self._sides = (x, z)
        # one that is named twice is caught once
        self.captures = tuple({capture.text: capture for capture in (*x.captures, *z.captures)}.values())
        self._handles: list[Any] = []
        self._hooked: list[nn.Module] = []
        self._found: dict[str, Any] = {}
        self._newest: Captured | None = None
        self._newest_tensors: dict[str, tuple[Tensor, ...]] = {}
        self._entered: dict[str, Any] = {}
        self._newest_entered: dict[str, Any] = {}
        self._with_grad: set[str] = set()
        self._stale: dict[str, tuple[Any, list[_Version]]] = {}
        self._versions: dict[str, list[_Version]] = {}
        self._entry_versions: dict[str, list[_Version]] = {}
        self._parameter_versions: dict[str, int] = {}
        self._ran_frozen = False
        self._calls: Counter[str] = Counter()
        self._passes: Counter[str] = Counter()  # with gradients or without
        self._attached = False
        self._armed = self._paused = False

    @property
    def attached(self) -> bool:
        """Whether hooks are in place, or none is needed."""
        return self._attached

    def attach(self, host: LightningModule) -> None:
        """Put hooks on the named submodules.

        Raises:
            InputError: if a name does not exist, with the names that do.
        """
        self._attached = True
        for capture in self.captures:
            if capture.kind in ("output", "input"):
                module = module_of(host, capture)
                self._handles += put_on(module, self, capture)
                self._hooked.append(module)

    def is_attached_to(self, host: LightningModule) -> bool:
        """Return whether hooks are in place on the host's submodules as they are now.

        Raises:
            InputError: if a name no longer exists, with the names that do.
        """
        named = [module_of(host, capture) for capture in self.captures if capture.kind in ("output", "input")]
        return self._attached and all(a is b for a, b in zip(self._hooked, named, strict=True))

    def detach(self) -> None:
        """Take the hooks off and let go of every tensor."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._hooked.clear()
        self._attached = False
        self.disarm()

    def arm(self, host: LightningModule, batch: Any) -> None:
        """Start to record; captures of the batch are read from ``batch``, attributes count once they are set anew."""
        self.disarm()
        self._armed, self._paused = True, False
        for capture in self.captures:
            if capture.kind == "attr":
                found = attribute_of(host, capture)
                self._stale[capture.text] = found, _versions(_tensors(capture, found))
            elif capture.kind == "batch":
                entry = entry_of(batch, capture)
                if entry is not None:  # as of a CombinedLoader whose shorter loader has ended: no pair in this batch
                    self._found[capture.text] = entry
                    self._versions[capture.text] = _versions(_tensors(capture, entry))

    def disarm(self) -> None:
        """Stop to record and let go of every tensor."""
        self._armed = False
        self._found.clear()
        self._stale.clear()
        self._versions.clear()
        self._entry_versions.clear()
        self._ran_frozen = False
        self._calls.clear()
        self._passes.clear()
        self._with_grad.clear()
        self._entered.clear()
        self._newest, self._newest_tensors, self._newest_entered = None, {}, {}

    def differing_passes(self) -> str:
        """Return one sentence on an x and a z of which one ran more often since :meth:`arm`, or nothing."""
        for pair in zip(*(side.captures for side in self._sides), strict=True):
            (less, few), (more, many) = sorted(
                ((c.text, max(self._passes[c.text], 1)) for c in pair), key=lambda c: c[1]
            )
            if few < many:
                return (
                    f"{more!r} ran {many} times in a batch and {less!r} {few}, and the newest of each are the pair: if "
                    "these are not the same samples, let the other passes run in on_validation_epoch_end, or capture "
                    "an attribute that is set in the pass that is meant, 'attr:'."
                )
        return ""

    def pause(self) -> None:
        """Record nothing until :meth:`resume`: in a backward a checkpointed module runs again, in another graph."""
        self._paused = True
        self._warn_of_several_calls()
        self._calls.clear()

    def resume(self) -> None:
        """Go on to record after :meth:`pause`."""
        self._paused = False

    def newest(self, host: LightningModule) -> Captured | None:
        """Return the newest pair, or None where x or z has not been seen since :meth:`arm`, or nothing is recorded."""
        if not self._armed:  # of a batch that a loader left empty, Lightning calls the hook at its end alone
            return None
        for capture in self.captures:
            if capture.kind == "attr":
                self._look_up(host, capture)
        if any(capture.text not in self._found for capture in self.captures):
            return None
        again = [capture for capture in self.captures if self._is_another(capture)]
        if self._newest is None or again:
            self._warn_of_changes()
            if self._newest is not None:
                self._warn_of_a_mix(again)
            # of a pass after the backward, as to log what the step has changed, no backward is asked any more
            seen = self._newest is not None and self._newest.seen
            self._newest = Captured.of(*self._sides, self._found, seen)
            self._newest_tensors = {c.text: _tensors(c, self._found[c.text]) for c in self.captures}
            self._newest_entered = dict(self._entered)
            self._parameter_versions = {t: f._version for t, f in self._found.items() if isinstance(f, nn.Parameter)}
        return self._newest

    def _is_another(self, capture: Capture) -> bool:
        """Return whether a capture is of other tensors than in the newest pair; a parameter is another after a step.

        The tensors are compared, since a module may fill one container with new ones each time.
        """
        text = capture.text
        now, then = _tensors(capture, self._found[text]), self._newest_tensors.get(text, ())
        if len(now) != len(then) or any(one is not other for one, other in zip(now, then, strict=True)):
            return True
        return text in self._parameter_versions and self._found[text]._version != self._parameter_versions[text]

    def ran_with_gradients(self) -> bool:
        """Return whether no module that was caught since :meth:`arm` ran under ``torch.no_grad`` alone."""
        return all(capture.kind in ("batch", "attr") or capture.text in self._with_grad for capture in self.captures)

    def is_frozen(self, host: LightningModule) -> bool:
        """Return whether x or z is what a module with parameters returned, none of which required a gradient.

        When it ran, as under ``toggle_optimizer``, or now.
        """
        if self._ran_frozen:
            return True
        modules = [module_of(host, capture) for capture in self.captures if capture.kind == "output"]
        return any(_without_gradients(module) for module in modules)

    def enter(self, capture: Capture, entered: Any) -> None:
        """Take in what a module is called with, before it may change that in place."""
        if self._armed and not self._paused:
            self._entry_versions.pop(capture.text, None)
            self._entry_versions[capture.text] = _versions(_tensors(capture, entered))

    def record(self, module: nn.Module, capture: Capture, entered: Any, returned: Any) -> None:
        """Take in what a module was called with and what it returned."""
        if not self._armed or self._paused:
            return
        if not torch.compiler.is_compiling():  # there a count is a constant, and each another graph
            self._passes[capture.text] += 1
        if torch.is_grad_enabled():
            self._with_grad.add(capture.text)
            self._calls[capture.text] += 1
        elif capture.text in self._with_grad:
            return
        found = returned if capture.kind == "output" else entered
        self._found[capture.text], self._entered[capture.text] = found, entered
        tensors = _tensors(capture, found)
        self._versions[capture.text] = self._entry_versions.get(capture.text) or _versions(tensors)
        if capture.kind == "output" and tensors and not any(tensor.requires_grad for tensor in tensors):
            self._ran_frozen = self._ran_frozen or _without_gradients(module)

    def missing(self) -> tuple[list[Capture], str]:
        """Return the captures that were not seen since :meth:`arm`, and their names in words."""
        missing = [capture for capture in self.captures if capture.text not in self._found]
        return missing, " and ".join(repr(capture.text) for capture in missing)

    def explain_missing(self, host: LightningModule) -> str:
        """Return one sentence on the captures that were not seen since :meth:`arm`."""
        missing, names = self.missing()
        attributes = [capture for capture in missing if capture.kind == "attr"]
        if attributes:
            there = all(attribute_of(host, capture) is not None for capture in attributes)
            what = "it is not set anew there" if there else "there is none"
            return (
                f"Expected {names} to name an attribute of {type(host).__name__} that training_step sets but {what} "
                "after the first batch; set it in training_step, or capture a submodule's input or output."
            )
        return (
            f"Expected {names} to be seen in the first batches of {type(host).__name__} but it never ran; name a "
            "module that training_step calls as a function."
        )

    def _look_up(self, host: LightningModule, capture: Capture) -> None:
        """Record an attribute as it is now; a host may set it after the first of several backwards."""
        found = attribute_of(host, capture)
        older, versions = self._stale.get(capture.text, (None, []))
        stale = found is older and not isinstance(found, nn.Parameter)
        # a host may change what its attribute holds, or the tensor itself where that is a buffer
        if found is None or (stale and not _differ(_versions(_tensors(capture, found)), versions)):
            self._found.pop(capture.text, None)
        else:
            self._found[capture.text] = found

    def _warn_of_changes(self) -> None:
        """Warn once where a tensor was changed in place after it was caught, as an in-place ReLU or mask does."""
        for text, versions in self._versions.items():
            if any(tensor._version != version for tensor, version in versions):
                if text.startswith("batch:"):
                    self._once.say(
                        "batch changed",
                        f"{text!r} was changed in place since the step began, and the term sees the changed tensor: "
                        "right where the model sees it too; else let the host change a copy.",
                    )
                    continue
                self._once.say(
                    "changed",
                    f"{text!r} was changed in place after it was captured: the term sees the changed tensor. "
                    "Capture the output of what changes it, or what was before it, or let the host change a copy "
                    "(inplace=False).",
                )

    def _warn_of_a_mix(self, others: list[Capture]) -> None:
        """Warn once where a module ran again, on another input, and its partner did not, as for a second loss."""
        anew = {capture.text for capture in others}
        for pair in zip(*(side.captures for side in self._sides), strict=True):
            again = [capture for capture in pair if capture.text in anew]
            texts = [capture.text for capture in again if capture.kind in ("output", "input")]
            other = [text for text in texts if not _alike(self._entered[text], self._newest_entered.get(text))]
            if len(again) == 1 and other:
                partner = next(capture.text for capture in pair if capture is not again[0])
                self._once.say(
                    "mix",
                    f"{other[0]!r} was captured again, with another input, after a backward of the same batch, and "
                    f"{partner!r} was not: the newest of each make the pair. If these are not the same samples, set "
                    "attributes in the pass that is meant and capture them with 'attr:'.",
                )

    def _warn_of_several_calls(self) -> None:
        """Warn once where a module ran several times before one backward, as in a siamese network."""
        for text, calls in self._calls.items():
            if calls > 1:
                self._once.say(
                    "several",
                    f"{text!r} was captured {calls} times before one backward: the newest call counts. To catch "
                    "another, or all of them, name a submodule that sees just that, or set an attribute for 'attr:'.",
                )


def _tensors(capture: Capture, found: Any) -> tuple[Tensor, ...]:
    """Return the host's own tensors that a capture takes from what was found, where it fits."""
    if isinstance(found, Tensor):
        return (found,)
    return () if torch.compiler.is_compiling() else capture.tensors(found)


def _versions(tensors: tuple[Tensor, ...]) -> list[_Version]:
    """Return tensors with how often they were changed in place, of those where that is known."""
    if torch.compiler.is_compiling():  # there versions are constants
        return []
    # a parameter changes with each step, and in inference mode there are no versions
    counted = (tensor for tensor in tensors if not isinstance(tensor, nn.Parameter) and not tensor.is_inference())
    return [(tensor, tensor._version) for tensor in counted]


def _differ(one: list[_Version], other: list[_Version]) -> bool:
    return len(one) != len(other) or any(a is not b or v != w for (a, v), (b, w) in zip(one, other, strict=True))


def _without_gradients(module: nn.Module) -> bool:
    """Return whether a module has parameters, none of which requires a gradient now."""
    parameters = list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)


def _alike(one: Any, other: Any) -> bool:
    """Return whether two are one tensor, or views of one."""
    if one is other or not (isinstance(one, Tensor) and isinstance(other, Tensor)):
        return one is other
    if not one.layout == other.layout == torch.strided:  # a sparse one has no single place in memory
        return False
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape
