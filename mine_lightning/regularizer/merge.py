"""The term's gradient, held beside the host's own and joined with it at the optimizer step.

Joining there and not earlier: the host's gradient is then complete (all micro-batches, averaged over ranks, unscaled)
and Lightning names the optimizer, so that adaptive clipping can compare the two for just its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.graph import Node

__all__ = ["GradientStore", "Merged", "adaptive_factor", "average_over_ranks", "depends_on"]


@dataclass(frozen=True)
class Merged:
    """What one optimizer step joined; norms are Euclidean over all parameters that the term reaches.

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


def average_over_ranks(tensors: Sequence[Tensor]) -> None:
    """Average tensors over all processes, in place, with one collective; nothing where there is one process."""
    if not tensors or not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def depends_on(loss: Tensor, sources: Iterable[Tensor]) -> bool:
    """Return whether the graph of ``loss`` reaches any of ``sources``."""
    nodes = {source.grad_fn for source in sources if source.grad_fn is not None}
    leaves = {id(source) for source in sources if source.grad_fn is None and source.requires_grad}
    pending: list[Node] = [] if loss.grad_fn is None else [loss.grad_fn]
    seen: set[Node] = set(pending)
    while pending:
        node = pending.pop()
        if node in nodes or id(getattr(node, "variable", None)) in leaves:
            return True
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)
    return False


class GradientStore:
    """Holds the term's gradient by parameter, in float32 or better, until the optimizer of a parameter steps."""

    def __init__(self) -> None:
        self._pending: dict[nn.Parameter, Tensor] = {}
        self._versions: dict[nn.Parameter, int] = {}
        # every parameter that the term ever reached: which optimizer steps need a collective must not differ by rank
        self._reached: set[nn.Parameter] = set()

    def add(
        self,
        parameters: Sequence[nn.Parameter],
        gradients: Sequence[Tensor | None],
        scale: Tensor | float,
        told_of_clearing: bool,
    ) -> None:
        """Add gradients to what is held.

        Args:
            parameters: the host's.
            gradients: one for each; None stands for no dependence.
            scale: what each gradient is multiplied with.
            told_of_clearing: whether :meth:`drop` is called when the host clears its gradients. Where it is not, as
                under manual optimisation, ``.grad`` that is None or zero means that they were.
        """
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is None:
                continue
            unscaled = (gradient if gradient.dtype == torch.float64 else gradient.float()) / scale
            older = self._pending.get(parameter)
            if older is not None and (told_of_clearing or _holds_gradient(parameter)):
                unscaled = older + unscaled
            self._pending[parameter] = unscaled
            self._versions[parameter] = parameter._version
            self._reached.add(parameter)

    def merge(self, optimizer: torch.optim.Optimizer, adaptive: bool, scale: Tensor | float) -> Merged | None:
        """Add what is held for an optimizer's parameters to their ``.grad`` and let go of it.

        Args:
            optimizer: the one about to step.
            adaptive: whether to clip the term's gradient to the norm of the host's.
            scale: what the host's ``.grad`` is still multiplied with (a loss scaler's, for fused optimizers), else 1.

        Returns:
            The norms and the factor, or None where the term reaches none of the parameters.
        """
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p in self._reached]
        if not parameters:
            return None
        if not self._shared():  # here alone may a step differ from the last in what it reaches
            parameters = [parameter for parameter in parameters if parameter in self._pending]
            if not parameters:
                return None
        g_m = [self._take(parameter) for parameter in parameters]
        average_over_ranks(g_m)
        g_u = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        merged = _norms(g_u, g_m, adaptive, scale)
        # the scaler has looked for overflow before: what overflowed here is left out, never multiplied by zero
        finite = merged.g_m.isfinite()
        for parameter, own, term in zip(parameters, g_u, g_m, strict=True):
            share = torch.where(finite, term * (merged.factor * scale), torch.zeros_like(term))
            parameter.grad = own.add_(share)
        return merged

    def drop(self, optimizer: torch.optim.Optimizer) -> None:
        """Let go of what is held for an optimizer's parameters: the host clears their gradients."""
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                self._pending.pop(parameter, None)
                self._versions.pop(parameter, None)

    def stepped_without_merge(self) -> bool:
        """Return whether a parameter changed while its share was held: an optimizer that Lightning does not see."""
        return any(parameter._version != self._versions[parameter] for parameter in self._pending)

    def clear(self) -> None:
        """Let go of everything."""
        self._pending.clear()
        self._versions.clear()
        self._reached.clear()

    @staticmethod
    def _shared() -> bool:
        return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1

    def _take(self, parameter: nn.Parameter) -> Tensor:
        held = self._pending.pop(parameter, None)
        self._versions.pop(parameter, None)
        if held is not None:
            return held
        return torch.zeros_like(parameter, dtype=torch.promote_types(parameter.dtype, torch.float32))


def _holds_gradient(parameter: nn.Parameter) -> bool:
    return parameter.grad is not None and bool(parameter.grad.any())


def _norms(g_u: Sequence[Tensor], g_m: Sequence[Tensor], adaptive: bool, scale: Tensor | float) -> Merged:
    norm_u, norm_m = _norm(g_u) / scale, _norm(g_m)
    return Merged(norm_u, norm_m, adaptive_factor(norm_u, norm_m) if adaptive else torch.ones_like(norm_m))


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    squares = [torch.linalg.vector_norm(t, dtype=torch.promote_types(t.dtype, torch.float32)) for t in tensors]
    return torch.linalg.vector_norm(torch.stack(squares))
