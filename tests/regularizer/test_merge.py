"""Adaptive clipping in closed form, and the store of gradients between backward and step."""

import pytest
import torch
from torch import nn

from mine_lightning.regularizer.merge import GradientStore, adaptive_factor, depends_on


@pytest.mark.parametrize(
    ("g_u", "g_m", "factor"), [(1.0, 4.0, 0.25), (4.0, 1.0, 1.0), (0.0, 2.0, 0.0), (0.0, 0.0, 1.0)]
)
def test_adaptive_factor(g_u, g_m, factor):
    assert adaptive_factor(torch.tensor(g_u), torch.tensor(g_m)).item() == factor


def problem():
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    return parameters, torch.optim.SGD(parameters, lr=1.0)


def test_clipped_gradient_is_the_papers_formula_over_all_parameters():
    parameters, optimizer = problem()
    own = [torch.tensor([0.3, 0.0]), torch.tensor([0.4])]
    term = [torch.tensor([3.0, 0.0]), torch.tensor([4.0])]
    for parameter, gradient in zip(parameters, own, strict=True):
        parameter.grad = gradient.clone()
    store = GradientStore()
    store.add(parameters, term, 1.0, False)
    merged = store.merge(optimizer, adaptive=True, scale=1.0)
    assert (merged.g_u, merged.g_m, merged.factor) == (0.5, 5.0, pytest.approx(0.1))
    for parameter, u, m in zip(parameters, own, term, strict=True):
        torch.testing.assert_close(parameter.grad, u + 0.5 * m / 5.0)


def test_scaled_gradients_get_a_scaled_share():
    parameters, optimizer = problem()
    store = GradientStore()
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter) * 8
    store.add(parameters, [torch.ones(2) * 8, torch.ones(1) * 8], scale=8.0, told_of_clearing=False)
    merged = store.merge(optimizer, adaptive=True, scale=8.0)
    assert merged.factor == 1
    torch.testing.assert_close(parameters[0].grad, torch.full((2,), 16.0))


def test_overflow_is_left_out_and_never_multiplied():
    parameters, optimizer = problem()
    parameters[0].grad = torch.ones(2)
    store = GradientStore()
    store.add(parameters, [torch.tensor([torch.inf, 1.0]), None], 1.0, False)
    store.merge(optimizer, adaptive=True, scale=1.0)
    torch.testing.assert_close(parameters[0].grad, torch.ones(2))


def test_micro_batches_add_up_until_the_host_clears_its_gradients():
    parameters, optimizer = problem()
    store = GradientStore()
    term = [torch.ones(2), torch.ones(1)]
    store.add(parameters, term, 1.0, False)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    store.add(parameters, term, 1.0, False)  # second micro-batch
    optimizer.zero_grad(set_to_none=False)
    store.add(parameters, term, 1.0, False)  # a new step: the first two are gone with the host's own
    store.merge(optimizer, adaptive=False, scale=1.0)
    torch.testing.assert_close(parameters[0].grad, torch.ones(2))


def test_a_parameter_that_the_term_alone_reaches_keeps_all_micro_batches_and_then_is_dropped_with_the_rest():
    parameters, optimizer = problem()
    store = GradientStore()
    for _ in range(3):  # .grad stays None: it says nothing of clearing
        store.add(parameters, [torch.ones(2), None], 1.0, told_of_clearing=True)
    store.merge(optimizer, adaptive=False, scale=1.0)
    torch.testing.assert_close(parameters[0].grad, torch.full((2,), 3.0))
    assert parameters[1].grad is None
    store.add(parameters, [torch.ones(2), None], 1.0, told_of_clearing=True)
    store.drop(optimizer)
    assert store.merge(optimizer, adaptive=False, scale=1.0) is None


def test_an_optimizer_that_the_term_does_not_reach_is_left_alone():
    parameters, optimizer = problem()
    assert GradientStore().merge(optimizer, adaptive=True, scale=1.0) is None
    assert parameters[0].grad is None


def test_a_step_that_lightning_does_not_see_is_noticed():
    parameters, optimizer = problem()
    store = GradientStore()
    store.add(parameters, [torch.ones(2), None], 1.0, False)
    assert not store.stepped_without_merge()
    parameters[0].grad = torch.ones(2)
    optimizer.step()
    assert store.stepped_without_merge()


def test_depends_on_follows_the_graph_and_stops_at_detach():
    layer = nn.Linear(3, 3)
    fake = layer(torch.randn(2, 3))
    leaf = torch.randn(2, requires_grad=True)
    assert depends_on(fake.square().mean(), [fake])
    assert not depends_on(fake.detach().square().mean() + layer.weight.sum(), [fake])
    assert depends_on((leaf * 2).sum(), [leaf])
    assert not depends_on(fake.sum(), [leaf])
    assert not depends_on(torch.zeros(()), [fake])
