"""What a cycle asks of an image and its reconstruction, on numbers."""

import pytest
import torch
from torch import nn

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import ZeroCentredPenalty
from mine_lightning.hosts.cycles import AdversarialCycle, SquaredCycle

X, AGAIN = torch.zeros(2, 1, 2, 2), torch.tensor([[1.0, 1.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]).view(2, 1, 2, 2)


class Sum(nn.Module):
    """A logit that is the sum of all pixels."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, images):
        assert images.shape[1] == self.channels
        return images.flatten(1).sum(dim=1)


def test_the_squared_distance_is_the_mean_over_pixels():
    cycle = SquaredCycle()
    assert cycle(X, AGAIN) == pytest.approx((2 / 4 + 4 / 4) / 2)
    assert cycle.own_loss(X, AGAIN, ZeroCentredPenalty(), 0) == 0
    assert list(cycle.parameters()) == []


def test_the_second_discriminator_sees_both_images():
    cycle = AdversarialCycle(Sum, channels=1)
    two = torch.tensor(2.0)  # the logit of (x, x's reconstruction), of both pairs
    same = nn.functional.softplus(torch.tensor(0.0))  # that of (x, x) is 0
    torch.testing.assert_close(cycle(X, AGAIN), nn.functional.softplus(-two))
    torch.testing.assert_close(cycle.own_loss(X, AGAIN, None, 0), same + nn.functional.softplus(two))
    # a slope of 1 in each of 8 pixels: half of 8, on the batch whose turn it is
    penalty = ZeroCentredPenalty(1.0, every=2)
    more = cycle.own_loss(X, AGAIN, penalty, 0) - cycle.own_loss(X, AGAIN, penalty, 1)
    assert more == pytest.approx(2 * 8 / 2)


def test_no_gradient_goes_back_to_the_reconstruction_in_the_discriminators_turn():
    again = AGAIN.clone().requires_grad_()
    cycle = AdversarialCycle(lambda channels: nn.Sequential(nn.Flatten(), nn.Linear(8, 1), nn.Flatten(0)), channels=1)
    cycle.own_loss(X, again, None, 0).backward()
    assert again.grad is None
    cycle(X, again).backward()
    assert again.grad is not None


def test_wrong_numbers_are_told():
    with pytest.raises(InputError, match="Expected weight >= 0 of a cycle loss but got -1"):
        SquaredCycle(-1)
    with pytest.raises(InputError, match="Expected images of 1 channel or more but got channels 0"):
        AdversarialCycle(Sum, channels=0)
