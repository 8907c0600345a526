"""What every metric of pairs must do: sum over batches and processes, forget, refuse what does not belong together."""

import pytest
import torch
from cases import PAIR_METRICS
from torchmetrics.utilities import dim_zero_sum

every_metric = pytest.mark.parametrize(("make", "draw"), PAIR_METRICS)


@every_metric
def test_states_are_sums_so_that_two_processes_score_as_one(make, draw):
    a, b = draw()
    together, first, second = make(), make(), make()
    together.update(a, b)
    first.update(a[:15], b[:15])
    second.update(a[15:], b[15:])
    for name, reduction in first._reductions.items():
        assert reduction is dim_zero_sum
        setattr(first, name, getattr(first, name) + getattr(second, name))  # what dist_reduce_fx="sum" does
    torch.testing.assert_close(first.compute(), together.compute())
    assert not torch.isclose(second.compute(), together.compute(), atol=0, rtol=1e-6)  # unequal parts weigh by size


@every_metric
def test_reset_forgets_and_nothing_is_saved(make, draw):
    metric = make()
    metric.update(*draw())
    assert metric.state_dict() == {}
    metric.reset()
    assert all(getattr(metric, name) == 0 for name in metric._defaults)


@every_metric
def test_what_does_not_belong_together_is_refused(make, draw):
    a, b = draw()
    with pytest.raises(ValueError, match=r"Expected .* but got shapes"):
        make().update(a, b[:, :1])


@every_metric
def test_equal_ones_score_best(make, draw):
    metric = make()
    metric.update(draw()[0], draw()[0])
    assert metric.compute().item() == pytest.approx(1.0 if make.higher_is_better else 0.0, abs=1e-5)


@every_metric
@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
def test_without_samples_it_is_nan(make, draw):
    assert make().compute().isnan()
