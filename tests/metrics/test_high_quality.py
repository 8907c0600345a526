"""VEEGAN's rule against a loop over samples and against the chi-squared distribution."""

import math

import pytest
import torch
from scipy.stats import chi2

from mine_lightning.metrics.high_quality import HighQualityShare, ModesCaptured, high_quality_counts

CENTRES = torch.cartesian_prod(torch.arange(-4.0, 5.0, 2.0), torch.arange(-4.0, 5.0, 2.0))
METRICS = [ModesCaptured, HighQualityShare]


def samples(n=3000, std=0.08):
    stream = torch.Generator().manual_seed(1)
    return CENTRES[torch.randint(20, (n,), generator=stream)] + std * torch.randn(n, 2, generator=stream)


def test_equal_to_a_loop_over_the_samples():
    counts = [0] * 25
    for x, y in samples().tolist():
        distances = [math.dist((x, y), centre) for centre in CENTRES.tolist()]
        if min(distances) <= 3 * 0.05:
            counts[distances.index(min(distances))] += 1
    assert high_quality_counts(samples(), CENTRES, 0.05).tolist() == counts
    modes, share = ModesCaptured(CENTRES, 0.05), HighQualityShare(CENTRES, 0.05)
    for part in samples().split(700):
        modes.update(part)
        share.update(part)
    assert modes.compute() == sum(count > 0 for count in counts) == 20
    assert share.compute().item() == pytest.approx(sum(counts) / 3000)
    assert 0.6 < sum(counts) / 3000 < 0.95


@pytest.mark.parametrize("radius", [1.0, 3.0])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_true_samples_score_the_chi_squared_distribution(d, radius):
    share = HighQualityShare(torch.stack([torch.zeros(d), torch.full((d,), 9.0)]), 1.0, radius)
    share.update(torch.randn(100_000, d, generator=torch.Generator().manual_seed(2)))
    assert share.compute().item() == pytest.approx(chi2.cdf(radius**2, d), abs=0.003)


def test_a_mode_with_bad_samples_alone_is_not_captured():
    modes, share = ModesCaptured(CENTRES, 0.05), HighQualityShare(CENTRES, 0.05)
    near_two_modes = torch.tensor([[0.0, 0.149], [2.0, 0.151], [float("nan"), 0.0], [float("inf"), 0.0]])
    for metric in (modes, share):
        metric.update(near_two_modes)
    assert modes.compute() == 1
    assert share.compute() == 0.25


def test_without_samples_the_share_is_nan():
    metric = HighQualityShare(CENTRES, 0.05)
    metric.update(torch.zeros(0, 2))
    assert metric.compute().isnan()


@pytest.mark.parametrize("make", METRICS)
class TestBoth:
    def test_state_is_a_sum_so_that_two_processes_count_as_one(self, make):
        together, first, second = (make(CENTRES, 0.05) for _ in range(3))
        together.update(samples())
        first.update(samples()[:100])
        second.update(samples()[100:])
        for name, reduce in first._reductions.items():
            setattr(first, name, reduce(torch.stack([getattr(first, name), getattr(second, name)])))
        assert first.compute() == together.compute()
        assert first.counts.sum() > second.counts.sum() > 0

    def test_reset_forgets(self, make):
        metric = make(CENTRES, 0.05)
        metric.update(samples())
        metric.reset()
        metric.update(CENTRES[:5])
        assert metric.compute() == (5 if make is ModesCaptured else 1)

    def test_wrong_shapes_are_told(self, make):
        with pytest.raises(ValueError, match=r"Expected samples \[n, 2\], as the centres are, but got \[4, 3\]"):
            make(CENTRES, 0.05).update(torch.randn(4, 3))
        with pytest.raises(ValueError, match=r"Expected centres \[modes, d\], a positive std and radius"):
            make(CENTRES, 0.0)

    def test_state_stays_out_of_checkpoints(self, make):
        assert make(CENTRES, 0.05).state_dict() == {}
