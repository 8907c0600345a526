"""The term's gradient beside the host's own, and how the two are joined.

Where it is clipped by the host's, it is held until the optimizer step and joined there: the host's gradient is then
complete (all micro-batches, averaged over ranks, unscaled) and Lightning names the optimizer, so that the two can be
compared for just its parameters. Else it is added right after the backward, so that whatever the host does to its
gradients afterwards, such as clipping by hand, is done to the sum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from mine_lightning.regularizer.ranks import Ranks

__all__ = ["ClearingWatch", "GradientStore", "Merged", "adaptive_factor", "add", "merge", "parameters_of"]


@dataclass(frozen=True)
class Merged:
    """What was joined for one term; norms are Euclidean over all parameters that the term reaches.

    Attributes:
        g_u: norm of the host's own gradient.
        g_m: norm of the term's gradient, beta included.
        factor: what the term's gradient was multiplied with.
    """

    g_u: Tensor
    g_m: Tensor
    factor: Tensor


def adaptive_factor(g_u: Tensor, g_m: Tensor) -> Tensor:
    r"""Return :math:`\min(\|g_u\|, \|g_m\|) / \|g_m\|`, from the two norms.

    Times :math:`g_m` it is the adaptively clipped gradient of Belghazi et al., ICML 2018, appendix (equation 21): the
    term never pulls harder than the host's own loss.
    """
    return torch.where(g_m > g_u, g_u / g_m.clamp_min(torch.finfo(g_m.dtype).tiny), torch.ones_like(g_m))


class GradientStore:
    """One term's gradient by parameter, in float32 or better, since the host cleared its own or stepped."""

    def __init__(self) -> None:
        self._pending: dict[nn.Parameter, Tensor] = {}
        self._versions: dict[nn.Parameter, int] = {}

    def add(self, gradients: Mapping[nn.Parameter, Tensor]) -> None:
        """Add gradients to what is held."""
        for parameter, gradient in gradients.items():
            older = self._pending.get(parameter)
            self._pending[parameter] = gradient if older is None else older + gradient
            self._versions[parameter] = parameter._version

    def holds_any(self) -> bool:
        """Return whether something is held."""
        return bool(self._pending)

    def holds(self, parameter: nn.Parameter) -> bool:
        """Return whether something is held for a parameter."""
        return parameter in self._pending

    def get(self, parameter: nn.Parameter) -> Tensor:
        """Return what is held for a parameter, zeros where nothing is."""
        held = self._pending.get(parameter)
        return _zeros(parameter) if held is None else held

    def drop(self, parameters: Iterable[nn.Parameter]) -> set[nn.Parameter]:
        """Let go of what is held for parameters whose gradients the host cleared; return those that had something."""
        held = {parameter for parameter in parameters if parameter in self._pending}
        for parameter in held:
            del self._pending[parameter], self._versions[parameter]
        return held

    def stepped_without_merge(self, parameters: Iterable[nn.Parameter] | None = None) -> bool:
        """Return whether one of these, or any, changed while its share was held: a step that Lightning does not see."""
        held = self._pending if parameters is None else [p for p in parameters if p in self._pending]
        return any(parameter._version != self._versions[parameter] for parameter in held)

    def clear(self) -> None:
        """Let go of everything."""
        self._pending.clear()
        self._versions.clear()


class ClearingWatch:
    """Notices that a host cleared its gradients, of which no hook tells under manual optimisation.

    :meth:`note` after each backward remembers which parameters have a gradient. Where one is None later, or was
    written to and is all zero, ``zero_grad`` came in between, and the term's share of that backward goes with it.
    """

    def __init__(self) -> None:
        self._noted: dict[nn.Parameter, int] = {}

    def note(self, optimizers: Iterable[Optimizer]) -> None:
        """Remember which parameters have a gradient now."""
        self._noted = {p: p.grad._version for o in optimizers for p in parameters_of(o) if p.grad is not None}

    def cleared(self, optimizer: Optimizer) -> Collection[nn.Parameter]:
        """Return the optimizer's parameters whose gradients were cleared since :meth:`note`.

        Where all that had a gradient lost it, those that never had one, as what the term alone reaches, count too.
        """
        parameters = parameters_of(optimizer)
        noted = [parameter for parameter in parameters if parameter in self._noted]
        gone = {parameter for parameter in noted if parameter.grad is None}
        written = [p for p in noted if p.grad is not None and p.grad._version != self._noted[p]]
        if written:  # clipping by hand writes to gradients too; one wait for the device tells the two apart
            nonzero = torch.stack([_values(p.grad).any() for p in written if p.grad is not None]).tolist()
            gone |= {parameter for parameter, keeps in zip(written, nonzero, strict=True) if not keeps}
        return parameters if noted and len(gone) == len(noted) else gone

    def forget(self) -> None:
        """Let go of everything."""
        self._noted.clear()


def add(
    parameters: Sequence[nn.Parameter],
    store: GradientStore,
    share: Mapping[nn.Parameter, Tensor],
    scale: Tensor | float,
    ranks: Ranks,
    stepped: Collection[nn.Parameter],
    stores: Sequence[GradientStore] | None,
) -> Merged | None:
    """Add a term's share of one backward to ``.grad``, right after it, and to what the store knows of.

    Args:
        parameters: the host's, in an order that all processes have.
        store: the term's.
        share: its gradient by parameter.
        scale: what the host's ``.grad`` is multiplied with at this point, by a loss scaler; else 1.
        ranks: the processes over which the share is averaged.
        stepped: the parameters that an optimizer has. Nobody clears the gradients of others: they are left out of the
            norms, in which they would add up over steps.
        stores: what all terms, this one too, have in ``.grad``, for the host's own to be told from it; None where
            the norms are not asked for.

    Returns:
        The norms, if they were asked for.
    """
    votes = ranks.union([parameter in share for parameter in parameters])
    reached = [parameter for parameter, vote in zip(parameters, votes, strict=True) if vote]
    parts = [share[parameter] if parameter in share else _zeros(parameter) for parameter in reached]
    ranks.average(parts)
    measured = [p for p in reached if p in stepped]
    own = [] if stores is None else [_hosts(p, scale, stores) for p in measured]
    store.add({p: part for p, part in zip(reached, parts, strict=True) if p in stepped})
    merged = None
    if own:
        norm = _norm([store.get(p) for p in measured])
        merged = Merged(_norm(own).to(norm), norm, torch.ones_like(norm))
    for parameter, part in zip(reached, parts, strict=True):
        parameter.grad = _own(parameter).add_(part * scale)
    return merged


def merge(
    optimizer: Optimizer, terms: Sequence[tuple[GradientStore, bool]], scale: Tensor | float, ranks: Ranks
) -> list[Merged | None]:
    """Add what terms hold for an optimizer's parameters to their ``.grad``, and let go of it.

    Each term is measured against the host's own gradient, without the share of any other.

    Args:
        optimizer: the one about to step.
        terms: for each its store and whether to clip its gradient to the norm of the host's.
        scale: what the host's ``.grad`` is still multiplied with (a loss scaler's, for fused optimizers), else 1.
        ranks: the processes over which a term's gradient is averaged.

    Returns:
        For each term the norms and the factor, or None where it reaches none of the parameters.
    """
    parameters = parameters_of(optimizer)
    # the reach may differ by process, as where a host skips a layer by chance: all must reduce the same tensors
    votes = iter(ranks.union([store.holds(parameter) for store, _ in terms for parameter in parameters]))
    reach = [[parameter for parameter in parameters if next(votes)] for _ in terms]
    shares = [[store.get(p) for p in reached] for (store, _), reached in zip(terms, reach, strict=True)]
    for store, _ in terms:
        store.drop(parameters)
    ranks.average([share for part in shares for share in part])
    results = [
        _clipped(reached, part, adaptive, scale) if reached else None
        for (_, adaptive), reached, part in zip(terms, reach, shares, strict=True)
    ]
    for result, reached, part in zip(results, reach, shares, strict=True):
        if result is not None:
            _join(reached, part, result, scale)
    return results


def parameters_of(optimizer: Optimizer) -> list[nn.Parameter]:
    """Return an optimizer's parameters, in its order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _join(parameters: Sequence[nn.Parameter], shares: Sequence[Tensor], merged: Merged, scale: Tensor | float) -> None:
    # the scaler has looked for overflow before: what overflowed here is left out, never multiplied by zero
    overflowed, factor = ~merged.g_m.isfinite(), merged.factor * scale
    for parameter, share in zip(parameters, shares, strict=True):
        kept = share * factor
        if not kept.is_sparse:
            kept.masked_fill_(overflowed, 0)
        parameter.grad = _own(parameter).add_(kept)


def _clipped(
    parameters: Sequence[nn.Parameter], g_m: Sequence[Tensor], adaptive: bool, scale: Tensor | float
) -> Merged:
    norm_m = _norm(g_m)
    g_u = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm_u = _norm(g_u).to(norm_m) / scale if g_u else torch.zeros_like(norm_m)
    factor = adaptive_factor(norm_u, norm_m) if adaptive else torch.ones_like(norm_m)
    return Merged(norm_u, norm_m, torch.where(norm_m.isfinite(), factor, torch.zeros_like(factor)))


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    norms = [torch.linalg.vector_norm(_values(t), dtype=torch.promote_types(t.dtype, torch.float32)) for t in tensors]
    return torch.linalg.vector_norm(torch.stack(norms))


def _own(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _hosts(parameter: nn.Parameter, scale: Tensor | float, stores: Sequence[GradientStore]) -> Tensor:
    """Return the host's own gradient, without what terms have added to it."""
    own = _own(parameter) / scale
    for store in stores:
        own = own - store.get(parameter) if store.holds(parameter) else own
    return own


def _zeros(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter, dtype=torch.promote_types(parameter.dtype, torch.float32))


def _values(tensor: Tensor) -> Tensor:
    """Return all that can be other than zero, for a sparse tensor too."""
    return tensor.coalesce().values() if tensor.is_sparse else tensor
