"""The sum over parts of z: equal to the bounds one by one, and to the information where the parts are independent."""

import math
from functools import partial

import pytest
import torch
from cases import BOUNDS, GAUSSIAN_MI, gaussian_scores
from torch import nn

from mine_lightning import MINE, AllOthers, GaussianStatistics, InputError, StandardisedStatistics
from mine_lightning.bounds import FDivergence, SumOverParts


def scores(parts=3, n=20, k=4):
    generator = torch.Generator().manual_seed(2)
    return (torch.randn(*shape, parts, generator=generator, dtype=torch.float64) for shape in ((n,), (n, k)))


@pytest.mark.parametrize("make", BOUNDS)
def test_value_and_objective_are_those_of_the_parts_one_by_one(make):
    joint, marginal = scores()
    summed, alone = SumOverParts(3, make()), [make() for _ in range(3)]
    for _ in range(2):  # the second time the moving averages of the parts differ
        for method in ("forward", "objective"):
            by_hand = sum(getattr(one, method)(joint[:, i], marginal[:, :, i]) for i, one in enumerate(alone))
            torch.testing.assert_close(getattr(summed, method)(joint, marginal), by_hand)
    assert summed.shift_invariant == alone[0].shift_invariant


def test_on_the_best_t_of_independent_parts_it_is_their_information():
    one, other = gaussian_scores(), gaussian_scores(shift=0.5)
    joint, marginal = (torch.stack(both, dim=-1) for both in zip(one, other, strict=True))
    assert SumOverParts(2)(joint, marginal).item() == pytest.approx(2 * GAUSSIAN_MI, abs=0.01)


@pytest.mark.parametrize("make", BOUNDS)
def test_its_error_is_that_of_sums_and_not_of_parts(make):
    joint, marginal = scores(parts=1, n=400)
    twice = SumOverParts(2, make()).stderr(joint.expand(-1, 2), marginal.expand(-1, -1, 2))  # the same part again
    torch.testing.assert_close(twice, 2 * make().stderr(joint[:, 0], marginal[:, :, 0]))


@pytest.mark.parametrize("make", BOUNDS)
def test_each_part_can_show_as_much_as_one_bound(make):
    assert SumOverParts(4, make()).limit(200, 199) == pytest.approx(4 * make().limit(200, 199))


def test_the_drift_is_that_of_the_part_farthest_off():
    summed, (joint, marginal) = SumOverParts(3), scores()
    summed.objective(joint, marginal)
    moved = marginal + torch.tensor([0.1, -2.0, 0.5])
    assert summed.drift(moved).item() == pytest.approx(-2.0, abs=0.02)


@pytest.mark.parametrize("parts", [0, -1])
def test_less_than_one_part_is_refused(parts):
    with pytest.raises(InputError, match="Expected parts >= 1 but got"):
        SumOverParts(parts)


def test_a_class_in_place_of_a_bound_is_refused():
    with pytest.raises(InputError, match=r"Expected bound to be a bound .* but got .*; write FDivergence\(\)"):
        SumOverParts(2, FDivergence)


def test_t_and_bound_have_to_agree_on_the_parts():
    x, z = torch.randn(8, 3), torch.randn(8, 4)
    for one, other in ((2, None), (None, SumOverParts(2)), (4, SumOverParts(2))):
        mine = MINE(GaussianStatistics((3,), (4,), parts=one), bound=other, pairing=AllOthers())
        with pytest.raises(InputError, match=r"matrix to return scores of shape .* for \w+ but got"):
            mine.estimate(x, z)


def test_without_a_matrix_it_is_the_same():
    """Both ways of scoring, over all pairs of a batch."""
    torch.manual_seed(0)
    x, z, T = torch.randn(8, 3), torch.randn(8, 4), GaussianStatistics((3,), (4,), parts=2)
    by_matrix = MINE(T, bound=SumOverParts(2), pairing=AllOthers()).estimate(x, z)
    torch.testing.assert_close(MINE(OneByOne(T), bound=SumOverParts(2), pairing=AllOthers()).estimate(x, z), by_matrix)


class OneByOne(nn.Module):
    """T without its matrix."""

    def __init__(self, T):
        super().__init__()
        self.T = T

    def forward(self, x, z):
        return self.T(x, z)


@pytest.mark.parametrize(("parts", "least", "most"), [(None, 0, 11), (4, 16, 20.2)])
def test_it_asks_t_for_more_than_the_logarithm_of_the_pairs(parts, least, most):
    """12 independent numbers of z = x + noise hold 20.1 nats; the 2,450 pairs of a batch can show 7.8."""
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 6_000, 12, generator=generator)
    z = x + 0.19 * noise
    assert 12 * 0.5 * math.log(1 + 0.19**-2) == pytest.approx(20.14, abs=0.01)
    bound = None if parts is None else SumOverParts(parts)
    mine = MINE(StandardisedStatistics((12,), (12,), partial(gaussian, parts=parts)), bound=bound, pairing=AllOthers())
    optimizer = torch.optim.Adam(mine.parameters(), lr=3e-2)
    for batch in torch.randint(6_000, (200, 50), generator=generator):
        optimizer.zero_grad()
        (-mine.bound.objective(*mine.scores(x[batch], z[batch]))).backward()
        optimizer.step()
        mine.updates += 1
    found = torch.stack([mine.estimate(*pairs) for pairs in zip(x.split(500), z.split(500), strict=True)]).mean()
    assert least < found < most


def gaussian(x_shape, z_shape, parts):
    return GaussianStatistics(x_shape, z_shape, lambda shape, outputs: nn.Linear(shape[0], outputs), parts=parts)
