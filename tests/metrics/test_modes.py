"""Mode count and KL against NumPy and SciPy, over batches and over processes."""

import numpy as np
import pytest
import torch
from cases import MODE_METRICS
from scipy.stats import entropy

from mine_lightning.metrics.modes import ModeCount, ModeKL, kl_from_uniform, mode_count


def test_equal_to_independent_computations():
    modes = torch.randint(700, (26_000,), generator=torch.Generator().manual_seed(0))
    count, kl = ModeCount(), ModeKL()
    for part in modes.split(1000):
        count.update(part)
        kl.update(part)
    frequencies = np.bincount(modes.numpy(), minlength=1000) / 26_000
    assert count.compute() == len(set(modes.tolist()))
    assert kl.compute().item() == pytest.approx(entropy(frequencies, np.full(1000, 1e-3)), abs=1e-5)


def test_uniform_samples_score_the_sampling_bias():
    """A perfect generator is not at 0: (modes - 1) / 2N to first order."""
    modes = torch.randint(1000, (26_000,), generator=torch.Generator().manual_seed(0))
    kl = ModeKL()
    kl.update(modes)
    assert kl.compute().item() == pytest.approx(999 / 52_000, rel=0.1)


def test_one_mode_scores_the_log_of_their_number():
    counts = torch.zeros(1000, dtype=torch.long)
    counts[7] = 50
    assert kl_from_uniform(counts).item() == pytest.approx(np.log(1000), abs=1e-5)
    assert mode_count(counts) == 1


def test_without_samples_the_divergence_is_nan():
    assert kl_from_uniform(torch.zeros(10, dtype=torch.long)).isnan()


@pytest.mark.parametrize("make", MODE_METRICS)
class TestEveryModeMetric:
    def test_state_is_a_sum_so_that_two_processes_count_as_one(self, make):
        together, first, second = make(10), make(10), make(10)
        modes = torch.randint(10, (40,))
        together.update(modes)
        first.update(modes[:15])
        second.update(modes[15:])
        first.counts += second.counts  # what dist_reduce_fx="sum" does
        assert first.compute() == together.compute()
        assert first._reductions["counts"] is torchmetrics_sum()

    def test_reset_forgets(self, make):
        metric = make(10)
        metric.update(torch.arange(10))
        metric.reset()
        assert metric.counts.sum() == 0

    def test_modes_out_of_range_are_refused(self, make):
        with pytest.raises(ValueError, match="Expected modes from 0 to 9 but got 0 to 10"):
            make(10).update(torch.tensor([0, 10]))

    def test_state_stays_out_of_checkpoints(self, make):
        assert make(10).state_dict() == {}


def torchmetrics_sum():
    from torchmetrics.utilities import dim_zero_sum

    return dim_zero_sum
