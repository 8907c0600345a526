"""Steps that a module's optimizer would take, taken on a copy, with a graph that gradients can pass through."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import SGD, Adam, Optimizer

from mine_lightning.errors import InputError

__all__ = ["LookAhead"]


class LookAhead:
    """A module some optimizer steps later; the module, its buffers and its optimizer stay as they are.

    Call it as the module. Its parameters are functions of all that the losses of :meth:`step` depended on.

    Args:
        module: whose copy is trained.
        optimizer: the module's own. Its next steps are taken: Adam's from the moments that it has by now, plain SGD's.
        trained: the parameters that it steps, of those that it has; all of them by default. The others stay.

    Raises:
        InputError: for another optimizer, or for options of these two that change the step.
    """

    def __init__(
        self, module: nn.Module, optimizer: Optimizer, trained: Collection[nn.Parameter] | None = None
    ) -> None:
        _refuse_others(optimizer)
        self.module = module
        # batch normalisation counts the copy's batches, not the module's
        self.buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
        groups = {p: group for group in optimizer.param_groups for p in group["params"]}
        kind = _AdamRule if isinstance(optimizer, Adam) else _SGDRule
        wanted = set(groups if trained is None else trained)
        stepped = {name: p for name, p in module.named_parameters() if p in groups and p in wanted}
        self._rules = {name: kind(groups[p], optimizer.state.get(p, {})) for name, p in stepped.items()}
        self.parameters = {
            name: p.detach().clone().requires_grad_(name in stepped) for name, p in module.named_parameters()
        }

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Return what the module returns, with the copy's parameters."""
        return functional_call(self.module, (self.parameters, self.buffers), inputs)

    def step(self, loss: Tensor) -> None:
        """Take one step down a loss that was computed by calling this object."""
        parameters = [self.parameters[name] for name in self._rules]
        slopes = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)
        for (name, rule), parameter, slope in zip(self._rules.items(), parameters, slopes, strict=True):
            self.parameters[name] = rule.stepped(parameter, slope)


class _SGDRule:
    def __init__(self, group: dict[str, Any], state: dict[str, Any]) -> None:
        self.lr = group["lr"]

    def stepped(self, parameter: Tensor, slope: Tensor) -> Tensor:
        return parameter - self.lr * slope


class _AdamRule:
    """Kingma and Ba, 2015, algorithm 1, out of place."""

    def __init__(self, group: dict[str, Any], state: dict[str, Any]) -> None:
        self.lr, self.betas, self.eps = group["lr"], group["betas"], group["eps"]
        self.steps = float(state.get("step", 0))
        self.mean: Tensor | float = _copy(state.get("exp_avg"))
        self.square: Tensor | float = _copy(state.get("exp_avg_sq"))

    def stepped(self, parameter: Tensor, slope: Tensor) -> Tensor:
        first, second = self.betas
        self.steps += 1
        self.mean = first * self.mean + (1 - first) * slope
        self.square = second * self.square + (1 - second) * slope**2
        corrected = self.square / (1 - second**self.steps)
        # the root has no slope at zero, where a weight has never had a gradient: infinity times zero would be NaN
        seen = corrected > 0
        root = torch.where(seen, corrected, torch.ones_like(corrected)).sqrt() * seen
        return parameter - self.lr / (1 - first**self.steps) * self.mean / (root + self.eps)


def _copy(moment: Tensor | None) -> Tensor | float:
    return 0.0 if moment is None else moment.detach().clone()


def _refuse_others(optimizer: Optimizer) -> None:
    changing = ("amsgrad", "weight_decay", "momentum", "nesterov", "maximize")
    odd = {key for group in optimizer.param_groups for key in changing if group.get(key)}
    if type(optimizer) not in (Adam, SGD) or odd:
        name = type(optimizer).__name__ + (f" with {', '.join(sorted(odd))}" if odd else "")
        raise InputError(
            "Expected the discriminator's optimizer to be Adam or SGD without momentum or weight decay but got "
            f"{name}; its steps are not known in a form that gradients pass through, choose one of the two."
        )
