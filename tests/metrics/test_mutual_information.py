"""Held-out information over batches and processes is that of all pairs at once."""

import math

import pytest
import torch
from cases import GAUSSIAN_MI, gaussian_scores

from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.metrics.mutual_information import MutualInformation, mutual_information

JOINT, MARGINAL = (scores.float() for scores in gaussian_scores(n=40_000, k=2))


def updated(*parts):
    metric = MutualInformation()
    for part in parts:
        metric.update(JOINT[part], MARGINAL[part])
    return metric


def test_the_best_t_gives_the_information():
    assert updated(slice(None)).compute().item() == pytest.approx(GAUSSIAN_MI, abs=0.03)


def test_function_equals_the_sums_written_out():
    joint, marginal = torch.randn(5), torch.randn(5, 2)
    expected = joint.mean().item() - math.log(sum(math.exp(score) for score in marginal.flatten().tolist()) / 10)
    assert mutual_information(joint, marginal).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_without_pairs_it_is_nan():
    assert MutualInformation().compute().isnan()


def test_a_process_without_pairs_changes_nothing():
    metric = MutualInformation()
    metric.update(torch.empty(0), torch.empty(0, 3))
    assert metric.compute().isnan()
    both = updated(slice(0, 7), slice(0, 0))
    assert torch.equal(both.compute(), updated(slice(0, 7)).compute())


def test_batches_count_as_one():
    together, parts = updated(slice(None)), updated(slice(0, 7), slice(7, 900), slice(900, None))
    torch.testing.assert_close(together.compute(), parts.compute())
    torch.testing.assert_close(together.compute(), DonskerVaradhan()(JOINT, MARGINAL))


def test_the_mean_over_small_batches_would_be_higher():
    parts = [updated(slice(i, i + 10)).compute() for i in range(0, 40_000, 10)]
    assert torch.stack(parts).mean() > updated(slice(None)).compute() + 0.02


def test_two_processes_count_as_one():
    other = updated(slice(100, 350))  # of another length
    theirs = {name: torch.cat(getattr(other, name)) for name in ("joint", "log_means")}

    def gather(mine, group=None):
        """What torchmetrics' gathering returns on a process whose peer is `other`."""
        name = "joint" if torch.equal(mine, JOINT[:100]) else "log_means"
        return [mine, theirs[name]]

    metric = MutualInformation(dist_sync_fn=gather, distributed_available_fn=lambda: True)
    metric.update(JOINT[:100], MARGINAL[:100])
    torch.testing.assert_close(metric.compute(), updated(slice(0, 350)).compute())


def test_reset_forgets():
    metric = updated(slice(0, 50))
    metric.reset()
    metric.update(torch.ones(3), torch.zeros(3, 1))
    assert metric.compute() == 1


def test_scores_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r"Expected scores \[n\] and \[n, k\] but got \[3\] and \[3\]"):
        MutualInformation().update(torch.zeros(3), torch.zeros(3))
