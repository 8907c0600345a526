"""Data of a size that T can't learn from are told, and nothing else is."""

import pytest
import torch

from mine_lightning.networks import LabelStatistics, MLPStatistics, StandardisedStatistics
from mine_lightning.regularizer.once import Once
from mine_lightning.regularizer.units import tell_of_units

DATA = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
T = MLPStatistics((3,), (2,))


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (DATA * 1000, "'batch:0' has numbers as large as 1.*e[+]03"),
        (DATA + 2000, "numbers as large as 2e[+]03"),
        (DATA / 1000, "'batch:0' has a standard deviation of 0.00"),
        (DATA * torch.tensor([1.0, 1.0, 300.0]), "numbers as large as"),
        ((DATA * 100).long(), "numbers as large as"),
    ],
)
def test_what_is_too_large_or_too_small_is_told_once(side, message):
    once = Once()
    with pytest.warns(UserWarning, match=message):
        tell_of_units("batch:0", side, T, once)
    tell_of_units("batch:0", side, T, once)  # a second warning would be an error here


@pytest.mark.parametrize(
    ("side", "network"),
    [
        (DATA, T),
        (DATA / 10, T),
        (torch.rand(64, 1, 8, 8) * 2 - 1, T),
        (torch.nn.functional.normalize(torch.randn(64, 2048)), T),
        (torch.ones(64, 3), T),  # no information, which is another matter
        ((DATA / 1000).requires_grad_(), T),
        (DATA * 1000, StandardisedStatistics((3,), (2,), MLPStatistics)),
        (torch.arange(64), LabelStatistics((3,), (), classes=64)),
    ],
)
def test_nothing_is_said_of_the_rest(side, network):
    tell_of_units("batch:0", side, network, Once())
