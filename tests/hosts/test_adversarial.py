"""GAN losses against probabilities written out, and the penalty against a gradient in closed form."""

import pytest
import torch
from torch import nn

from mine_lightning.hosts.adversarial import (
    ZeroCentredPenalty,
    discriminator_loss,
    generator_loss,
    pair_loss,
    sample_loss,
)


def test_losses_equal_their_formulas_over_probabilities():
    real, fake = torch.randn(2, 9, dtype=torch.float64)
    d_real, d_fake = real.sigmoid(), fake.sigmoid()
    torch.testing.assert_close(discriminator_loss(real, fake), -d_real.log().mean() - (1 - d_fake).log().mean())
    torch.testing.assert_close(generator_loss(fake), -d_fake.log().mean())


def test_penalty_of_a_quadratic_is_its_slope_squared():
    class Quadratic(nn.Module):
        def forward(self, x):
            return (x**2).sum(dim=1)

    x = torch.randn(7, 3)
    penalty = ZeroCentredPenalty(gamma=0.5, every=4)(Quadratic(), x)
    torch.testing.assert_close(penalty, 0.25 * 4 * (2 * x).square().sum(dim=1).mean())


def test_penalty_trains_the_discriminator():
    layer = nn.Linear(3, 1)
    ZeroCentredPenalty()(layer, torch.randn(5, 3)).backward()
    torch.testing.assert_close(layer.weight.grad, layer.weight.detach())  # d/dw of |w|^2 / 2


def test_penalty_is_due_every_so_many_batches():
    assert [number for number in range(9) if ZeroCentredPenalty(1.0, every=4).due(number)] == [0, 4, 8]


@pytest.mark.parametrize(("gamma", "every"), [(-1.0, 1), (1.0, 0)])
def test_wrong_numbers_are_refused(gamma, every):
    with pytest.raises(ValueError, match="Expected gamma >= 0 and every >= 1"):
        ZeroCentredPenalty(gamma, every)


@pytest.mark.parametrize(("batch_idx", "due"), [(0, True), (1, False), (3, True)])
def test_a_loss_is_penalised_in_its_turn_alone_and_sends_nothing_back(batch_idx, due):
    layer, real = nn.Linear(3, 1), torch.randn(5, 3)
    fake = torch.randn(5, 3, requires_grad=True)
    penalty = ZeroCentredPenalty(2.0, every=3)
    plain = discriminator_loss(layer(real), layer(fake))
    loss = sample_loss(layer, real, fake, penalty, batch_idx)
    torch.testing.assert_close(loss, plain + penalty(layer, real) if due else plain)
    torch.testing.assert_close(sample_loss(layer, real, fake, None, batch_idx), plain)
    assert torch.autograd.grad(loss, [fake, layer.weight], allow_unused=True)[0] is None


@pytest.mark.parametrize(("batch_idx", "due"), [(0, True), (1, False)])
def test_pairs_are_penalised_in_the_sample_at_its_code(batch_idx, due):
    class OfPairs(nn.Module):
        def forward(self, x, z):
            return (x**2).sum(dim=1) * z[:, 0]

    pairs, penalty = OfPairs(), ZeroCentredPenalty(2.0, every=3)
    real, fake = torch.randn(2, 5, 3)
    code, z = torch.randn(2, 5, 2, requires_grad=True)
    loss = pair_loss(pairs, real, code, fake, z.detach(), penalty, batch_idx)
    plain = discriminator_loss(pairs(real, code), pairs(fake, z)).detach()
    slope = 3 * (2 * real * code[:, :1]).square().sum(dim=1).mean().detach()  # of gamma / 2 = 1, three times as rarely
    torch.testing.assert_close(loss, plain + slope if due else plain)
    assert not loss.requires_grad or torch.autograd.grad(loss, [code], allow_unused=True) == (None,)
