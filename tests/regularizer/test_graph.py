"""What a loss depends on, and checkpoints that hide parameters."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from mine_lightning.regularizer.graph import dependencies, has_reentrant_checkpoint


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
