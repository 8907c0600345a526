"""T over coarse images: stripes of single pixels are worth nothing to a host, what is wider is worth as much."""

from functools import partial

import pytest
import torch

from mine_lightning.estimator import MINE
from mine_lightning.networks import CoarseStatistics, ConvStatistics, SeparableStatistics
from mine_lightning.pairing import AllOthers

CONV = partial(ConvStatistics, channels=(4,), hidden=8, kernel=3)
MAKERS = [CONV, SeparableStatistics]


@pytest.mark.parametrize("network", MAKERS)
def test_score_is_that_of_the_network_on_the_squares_averages(network):
    T = CoarseStatistics((3, 12, 8), (5,), network, square=4)
    x, z = torch.randn(6, 3, 12, 8), torch.randn(6, 5)
    averages = torch.stack([x[..., i : i + 4, j : j + 4].mean((2, 3)) for i in (0, 4, 8) for j in (0, 4)], 2)
    torch.testing.assert_close(T(x, z), T.network(averages.reshape(6, 3, 3, 2), z))


def test_stripes_of_one_pixel_move_no_score_and_wide_ones_do():
    T = CoarseStatistics((1, 8, 8), (2,), CONV, square=4)
    x, z = torch.randn(4, 1, 8, 8), torch.randn(4, 2)
    columns = torch.arange(8)
    fine, wide = ((columns // width % 2 * 2.0 - 1).expand(1, 8, 8) for width in (1, 4))
    torch.testing.assert_close(T(x + fine, z), T(x, z))
    assert not torch.allclose(T(x + wide, z), T(x, z))


def test_all_pairs_are_scored_on_the_averages():
    make = partial(CoarseStatistics, network=SeparableStatistics, square=2)
    x, z = torch.randn(8, 1, 4, 4), torch.randn(8, 3)
    mine = MINE(make, (1, 4, 4), (3,), pairing=AllOthers())
    joint, marginal = mine.scores(x, z)
    T = mine.statistics_network
    torch.testing.assert_close(joint, T(x, z))
    torch.testing.assert_close(marginal, torch.stack([T(x, z.roll(-shift, 0)) for shift in range(1, 8)], dim=1))


@pytest.mark.parametrize(("shape", "square"), [((5,), 2), ((3, 28, 28), 5), ((3, 8, 6), 4), ((3, 8, 8), 0)])
def test_what_has_no_whole_squares_is_told(shape, square):
    with pytest.raises(ValueError, match=rf"whole squares of {square} pixels a side but got shape"):
        CoarseStatistics(shape, (2,), CONV, square=square)


def test_images_of_another_shape_are_told_and_whole_numbers_are_not_rounded():
    T = CoarseStatistics((3, 8, 8), (2,), CONV)
    with pytest.raises(ValueError, match=r"Expected images of shape \(3, 8, 8\) but got \(3, 9, 11\)"):
        T(torch.zeros(4, 3, 9, 11), torch.zeros(4, 2))
    x, z = torch.randint(0, 256, (4, 3, 8, 8)), torch.randn(4, 2)
    torch.testing.assert_close(T(x, z), T(x.float(), z))


def test_the_constant_of_its_network_is_not_trained():
    mine = MINE(partial(CoarseStatistics, network=CONV), (3, 8, 8), (2,))
    assert not mine.statistics_network.network.output.bias.requires_grad
