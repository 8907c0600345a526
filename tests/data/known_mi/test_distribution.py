"""Laws of every distribution with known information."""

import pytest
import torch

from mine_lightning.baselines import ksg
from mine_lightning.data.known_mi import DiscreteJoint, NoisyFunction
from mine_lightning.data.known_mi.tasks import TASKS

ALL = [*TASKS, DiscreteJoint("table", torch.tensor([[3, 1], [1, 3]])), NoisyFunction("x", lambda x: x, 0.5, dims=2)]


@pytest.mark.parametrize("distribution", ALL, ids=lambda d: d.name)
class TestEveryDistribution:
    def test_the_seed_sets_the_sample_and_the_global_state_does_not_move(self, distribution):
        before = torch.get_rng_state()
        (x, z), (again, _), (other, _) = (distribution.sample(50, seed) for seed in (3, 3, 4))
        assert torch.equal(before, torch.get_rng_state())
        assert torch.equal(x, again)
        assert not torch.equal(x, other)
        assert x.dtype == z.dtype == torch.float32
        assert len(x) == len(z) == 50
        assert x.isfinite().all()
        assert z.isfinite().all()

    def test_information_is_positive_and_finite(self, distribution):
        assert 0 < distribution.mi < 3


@pytest.mark.parametrize(
    "distribution", [d for d in TASKS if sum(side.shape[1] for side in d.sample(2, 0)) == 2], ids=lambda d: d.name
)
def test_the_truth_agrees_with_nearest_neighbours_in_one_dimension_a_side(distribution):
    x, z = distribution.sample(20_000, 7)
    # ranks, which change no information: KSG does not bear heavy tails
    x, z = x.argsort(0).argsort(0), z.argsort(0).argsort(0)
    assert ksg(x, z) == pytest.approx(distribution.mi, abs=0.03)
