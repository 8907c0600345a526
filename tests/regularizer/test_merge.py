"""Adaptive clipping in closed form, the store of gradients between backward and step, and who cleared what."""

import itertools

import pytest
import torch
from torch import nn

from mine_lightning.regularizer.merge import ClearingWatch, GradientStore, adaptive_factor, merge
from mine_lightning.regularizer.ranks import Ranks


@pytest.mark.parametrize(
    ("g_u", "g_m", "factor"), [(1.0, 4.0, 0.25), (4.0, 1.0, 1.0), (0.0, 2.0, 0.0), (0.0, 0.0, 1.0)]
)
def test_adaptive_factor(g_u, g_m, factor):
    assert adaptive_factor(torch.tensor(g_u), torch.tensor(g_m)).item() == factor


def problem():
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    return parameters, torch.optim.SGD(parameters, lr=1.0)


def store_of(parameters, *gradients):
    store = GradientStore()
    store.add({p: g for p, g in zip(parameters, gradients, strict=False) if g is not None})
    return store


def merge_one(optimizer, store, adaptive=False, scale=1.0):
    return merge(optimizer, [(store, adaptive)], scale, Ranks())[0]


def test_clipped_gradient_is_the_papers_formula_over_all_parameters():
    parameters, optimizer = problem()
    own = [torch.tensor([0.3, 0.0]), torch.tensor([0.4])]
    term = [torch.tensor([3.0, 0.0]), torch.tensor([4.0])]
    for parameter, gradient in zip(parameters, own, strict=True):
        parameter.grad = gradient.clone()
    merged = merge_one(optimizer, store_of(parameters, *term), adaptive=True)
    assert (merged.g_u, merged.g_m, merged.factor) == (0.5, 5.0, pytest.approx(0.1))
    for parameter, u, m in zip(parameters, own, term, strict=True):
        torch.testing.assert_close(parameter.grad, u + 0.5 * m / 5.0)


def test_each_of_two_terms_is_clipped_against_the_hosts_gradient_alone_in_any_order():
    own, a, b = torch.tensor([0.6, 0.8]), torch.tensor([10.0, 0.0]), torch.tensor([0.0, 5.0])
    found = []
    for terms in itertools.permutations([a, b]):
        parameters, optimizer = problem()
        parameters[0].grad = own.clone()
        results = merge(optimizer, [(store_of(parameters, term), True) for term in terms], 1.0, Ranks())
        assert [result.g_u.item() for result in results] == [1.0, 1.0]
        found.append(parameters[0].grad)
    for gradient in found:
        torch.testing.assert_close(gradient, own + torch.tensor([1.0, 1.0]))


def test_scaled_gradients_are_measured_without_the_scale_and_get_a_scaled_share():
    parameters, optimizer = problem()
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter) * 8  # the host's own is 1
    store = store_of(parameters, torch.full((2,), 4.0), torch.full((1,), 4.0))
    merged = merge_one(optimizer, store, adaptive=True, scale=8.0)
    expected = torch.tensor(3**0.5), torch.tensor(4 * 3**0.5), torch.tensor(0.25)
    torch.testing.assert_close((merged.g_u, merged.g_m, merged.factor), expected)
    torch.testing.assert_close(parameters[0].grad, torch.full((2,), 16.0))


def test_overflow_is_left_out_and_never_multiplied():
    parameters, optimizer = problem()
    parameters[0].grad = torch.ones(2)
    merge_one(optimizer, store_of(parameters, torch.tensor([torch.inf, 1.0])))
    torch.testing.assert_close(parameters[0].grad, torch.ones(2))


def test_shares_of_several_backwards_add_up_also_where_the_term_alone_reaches_a_parameter():
    parameters, optimizer = problem()
    store = GradientStore()
    for _ in range(3):
        store.add({parameters[0]: torch.ones(2)})
    merge_one(optimizer, store)
    torch.testing.assert_close(parameters[0].grad, torch.full((2,), 3.0))
    assert parameters[1].grad is None
    store.add({parameters[0]: torch.ones(2)})
    assert store.drop(parameters) == {parameters[0]}
    assert merge_one(optimizer, store) is None


def test_an_optimizer_that_the_term_does_not_reach_is_left_alone():
    parameters, optimizer = problem()
    assert merge_one(optimizer, GradientStore(), adaptive=True) is None
    assert parameters[0].grad is None


def test_a_step_that_lightning_does_not_see_is_noticed():
    parameters, optimizer = problem()
    store = store_of(parameters, torch.ones(2))
    assert not store.stepped_without_merge()
    parameters[0].grad = torch.ones(2)
    optimizer.step()
    assert store.stepped_without_merge()


@pytest.mark.parametrize("set_to_none", [True, False])
def test_cleared_gradients_are_noticed(set_to_none):
    parameters, optimizer = problem()
    watch = ClearingWatch()
    parameters[0].grad = torch.ones(2)  # the second has none: the term alone reaches it
    watch.note([optimizer])
    assert not watch.cleared(optimizer)
    optimizer.zero_grad(set_to_none)
    assert set(watch.cleared(optimizer)) == set(parameters)


def test_clipping_by_hand_and_further_backwards_are_no_clearing():
    parameters, optimizer = problem()
    watch = ClearingWatch()
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    watch.note([optimizer])
    nn.utils.clip_grad_norm_(parameters, 0.1)
    (parameters[0].sum() * 3).backward()
    assert not watch.cleared(optimizer)
    parameters[1].grad = None
    assert set(watch.cleared(optimizer)) == {parameters[1]}


def test_a_gradient_of_zeros_that_nobody_wrote_to_is_no_clearing():
    parameters, optimizer = problem()
    watch = ClearingWatch()
    parameters[0].grad = torch.zeros(2)
    watch.note([optimizer])
    assert not watch.cleared(optimizer)
