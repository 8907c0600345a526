"""Look-ahead steps against torch's own optimizers and, through them, gradients against finite differences."""

import copy

import pytest
import torch
from cases import assert_same
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.hosts.look_ahead import LookAhead

RULES = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.05, betas=(0.5, 0.9)),
}
every_rule = pytest.mark.parametrize("rule", RULES)


def problem(rule):
    """A small network in double precision whose optimizer has a past."""
    torch.manual_seed(2)
    network = nn.Sequential(nn.Linear(3, 5, bias=False), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 1)).double()
    optimizer = RULES[rule](network.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.randn(6, 3).double()).square().mean().backward()
        optimizer.step()
    return network, optimizer, torch.randn(6, 3).double()


@every_rule
def test_steps_are_those_of_the_optimizer(rule):
    network, optimizer, x = problem(rule)
    ahead = LookAhead(network, optimizer)
    own = copy.deepcopy((network, optimizer))
    for _ in range(3):
        ahead.step(ahead(x).square().mean())
    network, optimizer = own
    for _ in range(3):
        optimizer.zero_grad()
        network(x).square().mean().backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ahead.parameters[name], parameter)
    for name, buffer in network.named_buffers():
        torch.testing.assert_close(ahead.buffers[name], buffer)


@every_rule
def test_module_buffers_and_optimizer_stay_as_they_are(rule):
    network, optimizer, x = problem(rule)
    before = copy.deepcopy((dict(network.state_dict()), optimizer.state_dict()))
    ahead = LookAhead(network, optimizer)
    for _ in range(2):
        ahead.step(ahead(x).square().mean())
    ahead(x).sum().backward()
    assert_same((dict(network.state_dict()), optimizer.state_dict()), before)


@every_rule
def test_gradient_through_the_steps_equals_finite_differences(rule):
    network, optimizer, x = problem(rule)
    other = x.flip(0)  # x enters by the steps alone

    def ahead_of(x):
        ahead = LookAhead(network, optimizer)
        for _ in range(3):
            ahead.step(ahead(x).square().mean())
        return ahead(other).sum()

    assert torch.autograd.gradcheck(ahead_of, x.requires_grad_())


def test_a_weight_that_never_had_a_gradient_makes_no_nan():
    network = nn.Linear(2, 1)
    ahead = LookAhead(network, torch.optim.Adam(network.parameters()))
    x = torch.tensor([[1.0, 0.0]], requires_grad=True)  # the second weight's slope is zero
    ahead.step(ahead(x).square().mean())
    (slope,) = torch.autograd.grad(ahead(torch.ones(1, 2)).sum(), x)
    assert slope.isfinite().all()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (torch.optim.RMSprop, "RMSprop"),
        (torch.optim.AdamW, "AdamW with weight_decay"),
        (lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9), "SGD with momentum"),
        (lambda parameters: torch.optim.Adam(parameters, amsgrad=True), "Adam with amsgrad"),
    ],
)
def test_other_rules_are_told(make, name):
    network = nn.Linear(2, 1)
    with pytest.raises(InputError, match=f"Expected the discriminator's optimizer .* but got {name}; "):
        LookAhead(network, make(network.parameters()))


@every_rule
@pytest.mark.parametrize("how", ["not trained", "not in the optimizer"])
def test_what_the_optimizer_does_not_step_stays(rule, how):
    network, _, x = problem(rule)
    kept = [p for name, p in network.named_parameters() if not name.startswith("0.")]
    optimizer = RULES[rule](kept if how == "not in the optimizer" else network.parameters())
    ahead = LookAhead(network, optimizer, kept if how == "not trained" else None)
    own = copy.deepcopy(network)
    own[0].requires_grad_(False)
    for _ in range(3):
        ahead.step(ahead(x).square().mean())
    optimizer = RULES[rule](p for p in own.parameters() if p.requires_grad)
    for _ in range(3):
        optimizer.zero_grad()
        own(x).square().mean().backward()
        optimizer.step()
    assert torch.equal(ahead.parameters["0.weight"], network[0].weight)
    for name, parameter in own.named_parameters():
        torch.testing.assert_close(ahead.parameters[name], parameter)
