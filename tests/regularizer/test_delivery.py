"""Which backwards bring the term's gradient, and by which of the three ways."""

from types import SimpleNamespace

import pytest
import torch
from by_hand import Classifier
from torch import nn

from mine_lightning.regularizer.captured import Captured
from mine_lightning.regularizer.delivery import Delivery, is_logged, scale_of
from mine_lightning.regularizer.ranks import Ranks


def problem(automatic):
    torch.manual_seed(0)
    host = Classifier()
    host.automatic_optimization = automatic
    x = torch.randn(8, 4)
    z = host.encoder(x)
    optimizer = torch.optim.SGD(host.parameters(), lr=0.1)
    return host, optimizer, Captured(x, z, ((x,), (z,))), host.head(z).square().mean() / 1


def trainer(optimizer, batch=0, interval=10):
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(_batches_that_stepped=batch))
    plugin = SimpleNamespace(scaler=None)
    return SimpleNamespace(optimizers=[optimizer], log_every_n_steps=interval, fit_loop=loop, precision_plugin=plugin)


def slopes(pair):
    return [torch.ones_like(pair.z)]


def run_backward(delivery, run, host, pair, loss, holds=False, **arguments):
    delivery.before_backward(run, host, loss, pair, slopes, 0.5, holds)
    loss.backward(**arguments)
    return delivery.after_backward(run, host, holds, measure=True, stores=[delivery.store])


def gradients(host):
    return [parameter.grad.clone() for parameter in host.encoder.parameters()]


def expected(automatic):
    """The host's own gradient and the term's: 0.5 times that of the sum of z."""
    host, _, pair, loss = problem(automatic)
    own = torch.autograd.grad(loss, list(host.encoder.parameters()), retain_graph=True)
    return own, torch.autograd.grad(0.5 * pair.z.sum(), list(host.encoder.parameters()))


@pytest.mark.parametrize(("automatic", "batch"), [(True, 0), (True, 9), (False, 0)])
def test_joined_or_added_it_is_the_same_gradient(automatic, batch):
    host, optimizer, pair, loss = problem(automatic)
    delivery = Delivery(Ranks())
    merged = run_backward(delivery, trainer(optimizer, batch), host, pair, loss)
    # joined there is nothing to measure, nor anything to hold
    joined = automatic and batch == 0
    assert (merged is None) == joined
    assert delivery.store.holds_any() != joined
    own, term = expected(automatic)
    for found, u, m in zip(gradients(host), own, term, strict=True):
        torch.testing.assert_close(found, u + m)
    if not joined:
        norms = (torch.cat([g.flatten() for g in part]).norm() for part in (own, term))
        torch.testing.assert_close((merged.g_u, merged.g_m, merged.factor), (*norms, torch.tensor(1.0)))


def test_held_it_leaves_the_hosts_gradient_alone():
    host, optimizer, pair, loss = problem(True)
    delivery = Delivery(Ranks())
    assert run_backward(delivery, trainer(optimizer), host, pair, loss, holds=True) is None
    for parameter, found, u, m in zip(host.encoder.parameters(), gradients(host), *expected(True), strict=True):
        torch.testing.assert_close(found, u)
        torch.testing.assert_close(delivery.store.get(parameter), m)


def test_once_for_each_pair_and_again_where_the_host_cleared_it():
    host, optimizer, pair, loss = problem(False)
    delivery, run = Delivery(Ranks()), trainer(optimizer)
    own, term = expected(False)
    run_backward(delivery, run, host, pair, loss, retain_graph=True)
    run_backward(delivery, run, host, pair, loss, retain_graph=True)
    for found, u, m in zip(gradients(host), own, term, strict=True):
        torch.testing.assert_close(found, 2 * u + m)
    optimizer.zero_grad()
    run_backward(delivery, run, host, pair, loss)
    for found, u, m in zip(gradients(host), own, term, strict=True):
        torch.testing.assert_close(found, u + m)


def test_a_backward_elsewhere_brings_nothing():
    host, optimizer, pair, _ = problem(False)
    delivery = Delivery(Ranks())
    run_backward(delivery, trainer(optimizer), host, pair, nn.Linear(3, 1)(pair.z.detach()).sum())
    assert not delivery.begun
    assert not pair.seen
    assert all(parameter.grad is None for parameter in host.encoder.parameters())


@pytest.mark.parametrize(("interval", "batch", "logged"), [(10, 9, True), (10, 8, False), (1, 3, True), (0, 9, False)])
def test_norms_are_logged_in_the_batches_that_lightning_writes(interval, batch, logged):
    assert is_logged(trainer(None, batch, interval)) == logged


def test_without_a_scaler_the_scale_is_one():
    assert scale_of(trainer(None), Classifier()) == 1.0
