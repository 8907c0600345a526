"""Wrong labels in percent, and their binomial error, against a count and against simulation."""

import math

import pytest
import torch

from mine_lightning.metrics.classification_error import ErrorPercent, ErrorPercentStderr, binomial_stderr

METRICS = [ErrorPercent, ErrorPercentStderr]
stream = torch.Generator().manual_seed(1)
SCORES, LABELS = torch.randn(500, 4, generator=stream), torch.randint(4, (500,), generator=stream)


def test_it_is_the_count_of_wrong_labels():
    pairs = zip(SCORES.tolist(), LABELS.tolist(), strict=True)
    wrong = sum(max(range(4), key=row.__getitem__) != label for row, label in pairs)
    error, stderr = ErrorPercent(), ErrorPercentStderr()
    for scores, labels in zip(SCORES.split(130), LABELS.split(130), strict=True):
        error.update(scores, labels)
        stderr.update(scores, labels)
    assert error.compute().item() == pytest.approx(wrong / 5)
    assert stderr.compute().item() == pytest.approx(100 * math.sqrt(wrong / 500 * (1 - wrong / 500) / 500))


def test_the_standard_error_is_the_spread_of_many_test_sets():
    shares = (torch.rand(4000, 300, generator=torch.Generator().manual_seed(2)) < 0.1).double().mean(dim=1)
    assert shares.std().item() == pytest.approx(binomial_stderr(torch.tensor(0.1), torch.tensor(300)).item(), rel=0.05)


def test_what_is_not_finite_is_wrong():
    metric = ErrorPercent()
    metric.update(torch.tensor([[float("nan"), 0.0], [0.0, float("inf")], [1.0, 0.0]]), torch.tensor([0, 1, 0]))
    assert metric.compute().item() == pytest.approx(200 / 3)


def test_ten_thousand_images_are_told_apart():
    metric = ErrorPercent()
    metric.update(torch.eye(2)[torch.ones(10_000, dtype=torch.long)], (torch.arange(10_000) >= 101).long())
    assert metric.compute().item() == pytest.approx(1.01, abs=1e-6)


@pytest.mark.parametrize("make", METRICS)
class TestBoth:
    def test_state_is_a_sum_so_that_two_processes_count_as_one(self, make):
        together, first, second = make(), make(), make()
        together.update(SCORES, LABELS)
        first.update(SCORES[:100], LABELS[:100])
        second.update(SCORES[100:], LABELS[100:])
        for name, reduce in first._reductions.items():
            setattr(first, name, reduce(torch.stack([getattr(first, name), getattr(second, name)])))
        assert first.compute() == together.compute()

    def test_shapes_that_do_not_fit_are_told(self, make):
        with pytest.raises(ValueError, match=r"Expected scores \[n, classes\] and labels \[n\] but got"):
            make().update(SCORES, LABELS[:3])

    def test_without_samples_it_is_nan(self, make):
        metric = make()
        metric.update(SCORES[:0], LABELS[:0])
        assert metric.compute().isnan()
