"""GAN losses against probabilities written out, and the penalty against a gradient in closed form."""

import pytest
import torch
from torch import nn

from mine_lightning.hosts.adversarial import ZeroCentredPenalty, discriminator_loss, generator_loss, penalised


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


def test_a_loss_is_penalised_in_its_turn_alone():
    layer, real, loss = nn.Linear(3, 1), torch.randn(5, 3), torch.tensor(0.25)
    penalty = ZeroCentredPenalty(2.0, every=3)
    assert penalised(loss, None, layer, real, batch_idx=0) is loss
    assert penalised(loss, penalty, layer, real, batch_idx=1) is loss
    assert penalised(loss, penalty, layer, real, batch_idx=3) == loss + penalty(layer, real)
