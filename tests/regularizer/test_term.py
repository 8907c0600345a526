"""The term's gradient against autograd through everything at once."""

import math

import pytest
import torch
from by_hand import Classifier
from cases import small_mlp
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.ranks import Ranks
from mine_lightning.regularizer.term import above_zero, gradients, join_loss, refuse_reentrant_checkpoint, slopes


def problem():
    torch.manual_seed(0)
    host, mine = Classifier().double(), MINE(small_mlp, (4,), (3,)).double()
    x = torch.randn(32, 4, dtype=torch.float64)
    z = host.encoder(x)
    joint, marginal = mine.scores(x, z)
    value = joint.mean() - torch.logsumexp(marginal.flatten(), 0) + math.log(marginal.numel())
    return host, mine, Captured(x, z, ((x,), (z,))), value


def test_gradients_are_those_of_the_bound_and_leave_the_host_as_it_is():
    host, mine, pair, value = problem()
    parameters = list(host.encoder.parameters())
    expected = torch.autograd.grad(-0.7 * value, parameters, retain_graph=True)
    read, found = slopes(mine, pair, pair.x.detach(), pair.z.detach())
    torch.testing.assert_close(read, value.detach())
    share = gradients(list(host.parameters()), [pair.z], found, -0.7, scale=8.0)
    assert set(share) == set(parameters)  # the head is not reached
    for parameter, gradient in zip(parameters, expected, strict=True):
        torch.testing.assert_close(share[parameter], gradient)
    assert all(parameter.grad is None for parameter in [*host.parameters(), *mine.parameters()])
    pair.z.sum().backward()  # the graph is still there


def test_a_loss_keeps_its_value_and_gets_the_gradient():
    host, mine, pair, value = problem()
    own = host.head(pair.z).square().mean()
    expected = torch.autograd.grad(own - 0.7 * value, list(host.parameters()), retain_graph=True)
    loss = own / 1
    before = loss.item()
    join_loss(loss, [pair.z], slopes(mine, pair, pair.x.detach(), pair.z.detach())[1], -0.7)
    assert loss.item() == before
    loss.backward()
    for parameter, gradient in zip(host.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_scores_that_overflow_move_nothing():
    _, _, pair, _ = problem()
    mine = MINE(lambda x_shape, z_shape: Overflowing(), (4,), (3,)).double()
    value, found = slopes(mine, pair, pair.x.detach(), pair.z.detach())
    assert not value.isfinite()
    assert torch.equal(found[0], torch.zeros(32, 3, dtype=torch.float64))


class Overflowing(nn.Module):
    def forward(self, x, z):
        return (1e6 * z).exp().sum(dim=1)


def test_slopes_are_for_whichever_of_the_two_carries_a_gradient():
    _, mine, pair, _ = problem()
    flipped = MINE(small_mlp, (3,), (4,)).double()
    seen = torch.nn.Linear(4, 4).double()(pair.x)
    both = Captured(seen, pair.z, ((seen,), (pair.z,)))
    penalised = pair.x.clone().requires_grad_()  # data that a gradient penalty asks a gradient of
    data = Captured(penalised, pair.z, ((penalised,), (pair.z,)))
    swapped = Captured(pair.z, pair.x, ((pair.z,), (pair.x,)))

    def shapes(mine, captured, x, z):
        return [slope.shape for slope in slopes(mine, captured, x.detach(), z.detach())[1]]

    assert shapes(mine, pair, pair.x, pair.z) == [(32, 3)]
    assert shapes(flipped, swapped, pair.z, pair.x) == [(32, 3)]
    assert shapes(mine, both, pair.x, pair.z) == [(32, 4), (32, 3)]
    assert shapes(mine, data, pair.x, pair.z) == [(32, 3)]


@pytest.mark.parametrize(("value", "kept"), [(0.5, True), (-0.5, False), (0.0, False), (math.nan, False)])
def test_a_value_that_no_information_has_moves_nothing(value, kept):
    slope = torch.tensor([[1.0, -2.0]])
    (found,) = above_zero(torch.tensor(value), [slope], Ranks())
    assert torch.equal(found, slope if kept else torch.zeros(1, 2))


def test_it_is_the_value_over_all_processes_that_counts():
    class Two(Ranks):
        def average(self, tensors):
            for tensor in tensors:
                tensor += 1.0  # what the others have

    (found,) = above_zero(torch.tensor(-0.5), [torch.ones(1)], Two())
    assert found == 1


def test_a_reentrant_checkpoint_is_refused():
    layer = nn.Linear(3, 3)
    x = torch.randn(4, 3, requires_grad=True)
    z = torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=True)
    with pytest.raises(
        InputError, match="Expected 'output:code' to come from a graph that can be differentiated twice"
    ):
        refuse_reentrant_checkpoint(Captured(x, z, ((x,), (z,))), "batch:0", "output:code")
