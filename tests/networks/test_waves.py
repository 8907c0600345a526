"""Waves are the sines and cosines of fixed random projections, beside the vector itself."""

import pytest
import torch

from mine_lightning.errors import InputError
from mine_lightning.networks import Waves


def test_the_vector_then_its_sines_then_its_cosines():
    waves, x = Waves(inputs=2, waves=3, frequency=0.5), torch.randn(7, 2)
    features = waves(x)
    assert features.shape == (7, 8)
    torch.testing.assert_close(features[:, :2], x)
    for k in range(3):
        projected = x[:, 0] * waves.directions[0, k] + x[:, 1] * waves.directions[1, k]
        torch.testing.assert_close(features[:, 2 + k], projected.sin())
        torch.testing.assert_close(features[:, 5 + k], projected.cos())


def test_frequencies_are_of_the_standard_deviation_asked_for():
    torch.manual_seed(0)
    assert Waves(2, 20_000, 0.3).directions.std().item() == pytest.approx(0.3, rel=0.02)


def test_directions_are_not_trained_and_lie_in_the_checkpoint():
    waves, x = Waves(2, 3, 1.0), torch.randn(4, 2)
    assert not list(waves.parameters())
    other = Waves(2, 3, 1.0)
    assert not torch.equal(other(x), waves(x))
    other.load_state_dict(waves.state_dict())
    torch.testing.assert_close(other(x), waves(x))


@pytest.mark.parametrize(("waves", "frequency"), [(0, 1.0), (3, 0.0), (3, -1.0), (3, float("nan"))])
def test_no_waves_and_frequencies_that_are_none_are_refused(waves, frequency):
    with pytest.raises(InputError, match="waves of at least 1 and a frequency above 0 but got"):
        Waves(2, waves, frequency)
