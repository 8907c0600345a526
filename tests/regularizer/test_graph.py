"""What a loss depends on, and checkpoints that hide parameters."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from mine_lightning.regularizer.graph import dependencies, has_reentrant_checkpoint, leaves, was_walked


def test_dependencies_follow_the_graph_and_stop_at_detach():
    layer = nn.Linear(3, 3)
    fake = layer(torch.randn(2, 3))
    leaf = torch.randn(2, requires_grad=True)
    constant = torch.randn(2)
    assert dependencies(fake.square().mean(), [fake, leaf, constant]) == [True, False, False]
    assert dependencies(fake.detach().square().mean() + layer.weight.sum(), [fake]) == [False]
    assert dependencies((leaf * 2).sum() + fake.sum(), [leaf, fake]) == [True, True]
    assert dependencies(torch.zeros(()), [fake]) == [False]


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_reentrant_checkpoint_is_found_and_it_alone(reentrant):
    inner, outer = nn.Linear(3, 3), nn.Linear(3, 3)
    x = torch.randn(2, 3, requires_grad=True)
    z = outer(checkpoint(inner, x, use_reentrant=reentrant))
    assert has_reentrant_checkpoint(z.square()) == reentrant


def test_leaves_are_what_it_was_computed_from():
    inner, outer = nn.Linear(3, 3), nn.Linear(3, 3)
    x = torch.randn(2, 3)
    assert leaves([outer(inner(x).detach())]) == {outer.weight, outer.bias}
    assert leaves([outer(inner(x)), inner.weight]) == {*inner.parameters(), *outer.parameters()}


@pytest.mark.parametrize("layer", [nn.Linear(3, 3), nn.Tanh(), nn.Sequential(nn.Linear(3, 3), nn.Flatten())])
def test_a_backward_that_freed_the_graph_is_noticed_and_no_other(layer):
    z = layer(torch.randn(2, 3, requires_grad=True))
    loss = z.square().mean()
    assert not was_walked(z)
    z.detach().square().mean()
    loss.backward(retain_graph=True)
    assert not was_walked(z)
    loss.backward()
    assert was_walked(z)
