"""MINE under a plain Trainer, on pairs whose mutual information is known."""

import math
from types import SimpleNamespace

import pytest
import torch
from cases import BOUNDS, trainer, weights
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.bounds import DonskerVaradhan, FDivergence, InfoNCE
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.networks import MLPStatistics, SeparableStatistics
from mine_lightning.pairing import AllOthers, Derangements

RHO = 0.8
TRUTH = -0.5 * math.log(1 - RHO**2)


def pairs(n, seed):
    x, e = torch.randn(2, n, 1, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(x, RHO * x + math.sqrt(1 - RHO**2) * e)


@pytest.mark.parametrize("bound", BOUNDS)
def test_held_out_estimate_on_correlated_gaussians_is_right(tmp_path, bound):
    def network(x_shape, z_shape):
        return MLPStatistics(x_shape, z_shape, hidden=(64, 64))

    pairing = Derangements(48 if bound is InfoNCE else 2)  # with K = 3 InfoNCE is far below the truth
    mine = MINE(network, (1,), (1,), bound(), pairing, lambda p: torch.optim.Adam(p, lr=3e-3))
    run = trainer(tmp_path, max_epochs=1 if bound is InfoNCE else 3)
    torch.manual_seed(0)
    run.fit(mine, DataLoader(pairs(256 * 150, 0), 256), DataLoader(pairs(20_000, 1), 5000))
    estimate, stderr = (run.callback_metrics[key].item() for key in ("val/mi", "val/mi_stderr"))
    assert estimate == pytest.approx(TRUTH, abs=0.03)
    assert 0 < stderr < 0.03


def test_independent_pairs_have_no_information(tmp_path):
    mine = MINE(MLPStatistics, (1,), (1,))
    x, z = torch.randn(2, 256 * 20, 1)
    trainer(tmp_path).fit(mine, DataLoader(TensorDataset(x, z), 256))
    held_out = torch.randn(2, 5000, 1)
    assert abs(mine.estimate(*held_out).item()) < 0.02


def test_a_process_without_held_out_pairs_keeps_nobody_waiting(tmp_path, monkeypatch):
    run = trainer(tmp_path)
    asked = []

    def another_process_has_none(decision, all=True):
        asked.append((decision, all))
        return False

    monkeypatch.setattr(run.strategy, "reduce_boolean_decision", another_process_has_none)
    run.validate(MINE(MLPStatistics, (1,), (1,)), DataLoader(pairs(64, 0), 32), verbose=False)
    assert (True, True) in asked
    assert "val/mi" not in run.callback_metrics


def test_scores_pair_each_x_with_its_own_and_with_others_z():
    class Difference(nn.Module):
        def forward(self, x, z):
            return (x - z)[:, 0]

    x = torch.arange(6.0)[:, None]
    joint, marginal = MINE(Difference(), pairing=Derangements(3)).scores(x, x)
    assert (joint == 0).all()
    assert marginal.shape == (6, 3)
    assert (marginal != 0).all()


def test_draws_differ_by_update_and_by_name_and_repeat_by_both():
    mine = MINE(MLPStatistics, (1,), (1,))
    x, z = torch.randn(2, 16, 1)
    first = mine.scores(x, z)[1]
    assert torch.equal(first, mine.scores(x, z)[1])
    assert not torch.equal(first, mine.scores(x, z, "another")[1])
    mine.updates += 1
    assert not torch.equal(first, mine.scores(x, z)[1])


def test_the_global_random_state_does_not_move():
    before = torch.get_rng_state()
    mine = MINE(lambda x, z: MLPStatistics(x, z, input_noise=0.5), (1,), (1,))
    mine.scores(*torch.zeros(2, 16, 1))
    assert torch.equal(before, torch.get_rng_state())


def test_initial_weights_depend_on_the_seed_alone():
    a, b, c = (MINE(MLPStatistics, (1,), (1,), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(weights(a), weights(b))
    assert not torch.equal(weights(a), weights(c))


def trains_its_last_bias(mine):
    (group,) = mine.configure_optimizers().param_groups
    return any(parameter is mine.statistics_network.output.bias for parameter in group["params"])


class Bounded(nn.Module):
    """A T whose last layer is not what ends it, so that every bound sees its bias."""

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(2, 1)

    def forward(self, x, z):
        return 5 * torch.tanh(self.output(torch.cat([x, z], 1))).squeeze(1)


def test_the_last_bias_is_left_out_just_where_the_bound_cannot_see_it():
    assert not trains_its_last_bias(MINE(MLPStatistics, (1,), (1,), DonskerVaradhan()))
    assert trains_its_last_bias(MINE(MLPStatistics, (1,), (1,), FDivergence()))
    assert trains_its_last_bias(MINE(Bounded()))


def test_a_finished_t_is_left_as_it_was():
    T = MLPStatistics((1,), (1,))
    MINE(T).configure_optimizers()
    assert trains_its_last_bias(MINE(T, bound=FDivergence()))


def test_state_holds_the_updates_and_the_moving_average():
    mine, other = MINE(MLPStatistics, (1,), (1,)), MINE(MLPStatistics, (1,), (1,), seed=1)
    mine.bound.objective(*mine.scores(*torch.randn(2, 8, 1)))
    mine.updates = 7
    other.load_state_dict(mine.state_dict())
    assert other.updates == 7
    assert torch.equal(other.bound.log_average, mine.bound.log_average)


def test_estimate_has_no_gradient_no_noise_and_changes_nothing():
    mine = MINE(lambda x, z: MLPStatistics(x, z, input_noise=0.5), (1,), (1,))
    x, z = torch.randn(2, 50, 1)
    first = mine.estimate(x.requires_grad_(), z)
    assert not first.requires_grad
    assert first == mine.estimate(x, z)
    assert mine.training
    assert mine.bound.log_average.isnan()


def test_small_last_batches_of_validation_are_fine(tmp_path):
    mine = MINE(MLPStatistics, (1,), (1,), pairing=Derangements(4))
    for n in (21, 23):  # the last batch has one pair, then three
        run = trainer(tmp_path)
        run.fit(mine, DataLoader(pairs(20, 0), 10), DataLoader(pairs(n, 1), 20))
        assert run.callback_metrics["val/mi"].isfinite()


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
def test_a_last_training_batch_of_one_pair_is_left_out_and_a_loader_of_single_pairs_is_told(tmp_path):
    mine = MINE(MLPStatistics, (1,), (1,))
    trainer(tmp_path, max_epochs=2).fit(mine, DataLoader(pairs(21, 0), 10))
    assert mine.updates == 4
    with pytest.raises(ValueError, match="at least 2 samples but got 1"):
        trainer(tmp_path).fit(MINE(MLPStatistics, (1,), (1,)), DataLoader(pairs(3, 0), 1))


@pytest.mark.parametrize(
    ("processes", "size", "another", "loss"), [(1, 1, True, None), (2, 1, True, 0.0), (2, 2, False, 0.0)]
)
def test_a_rest_of_one_pair_in_any_process_is_left_out_by_all_with_the_loss_that_ddp_wants(
    monkeypatch, processes, size, another, loss
):
    together = SimpleNamespace(reduce_boolean_decision=lambda decision: decision and another)
    monkeypatch.setattr(MINE, "trainer", SimpleNamespace(world_size=processes, strategy=together))
    mine = MINE(MLPStatistics, (1,), (1,))
    mine.updates = 4
    found = mine.training_step(pairs(size, 0).tensors, 4)
    assert mine.updates == 4
    assert loss is found is None or found.item() == loss
    if found is not None:
        found.backward()
        assert all((p.grad == 0).all() for p in mine.parameters() if p.requires_grad)


def test_a_callable_without_shapes_is_told():
    with pytest.raises(InputError, match="Expected x_shape and z_shape"):
        MINE(MLPStatistics)


@pytest.mark.parametrize("pairing", [AllOthers(), Derangements(3)])
def test_a_network_that_scores_all_pairs_at_once_gives_the_same_scores(pairing):
    mine = MINE(SeparableStatistics, (2,), (3,), pairing=pairing).double()
    x, z = torch.randn(12, 2).double(), torch.randn(12, 3).double()
    joint, marginal = mine.scores(x, z)
    torch.testing.assert_close(joint, mine(x, z))
    everything = mine.statistics_network.matrix(x, z)
    for i in range(12):
        others = everything[i][torch.arange(12) != i]
        assert all((others - score).abs().min() < 1e-12 for score in marginal[i])
    assert marginal.shape == (12, 11 if isinstance(pairing, AllOthers) else 3)


def test_the_value_is_logged_as_often_as_asked(tmp_path):
    seen = []

    class Watching(MINE):
        def log(self, name, *arguments, **options):
            seen.append((name, self.updates))

    mine = Watching(MLPStatistics, (1,), (1,), log_every=3)
    trainer(tmp_path, max_steps=7).fit(mine, DataLoader(pairs(200, 0), 20))
    assert seen == [("mine/mi", 0), ("mine/mi", 3), ("mine/mi", 6)]
    with pytest.raises(InputError, match="Expected log_every >= 1 update but got 0"):
        MINE(MLPStatistics, (1,), (1,), log_every=0)


def test_an_evaluation_leaves_each_part_of_t_in_the_mode_that_it_had():
    mine = MINE(MLPStatistics, (2,), (2,)).train()
    frozen = next(module for module in mine.statistics_network.modules() if isinstance(module, nn.Linear)).eval()
    mine.evaluate(torch.randn(8, 2), torch.randn(8, 2), "draw")
    with pytest.raises(ValueError, match="at least 2 samples"):
        mine.evaluate(torch.randn(1, 2), torch.randn(1, 2), "draw")
    assert mine.training
    assert not frozen.training


class Pairs(nn.Module):
    """A T that is finished, for x and z of four and three numbers."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(7, 1)

    def forward(self, x, z):
        return self.layer(torch.cat([x, z], 1)).flatten()


def test_a_finished_t_that_does_not_take_what_it_is_given_is_told_with_the_shapes():
    mine = MINE(Pairs())
    mine.scores(torch.randn(5, 4), torch.randn(5, 3))
    with pytest.raises(InputError, match=r"to take x and z of shape \[4\] and \[2\] a sample but it failed: mat1 and"):
        MINE(Pairs()).scores(torch.randn(5, 4), torch.randn(5, 2))
    with pytest.raises(InputError, match=r"it failed: .*takes 2 positional arguments but 3 were given; make its"):
        MINE(nn.Linear(4, 1)).scores(torch.randn(5, 4), torch.randn(5, 4))
    with pytest.raises(RuntimeError, match="mat1"):  # it took such pairs before: what is off now is something else
        mine.scores(torch.randn(5, 4), torch.randn(5, 2))


def test_that_memory_is_full_is_no_matter_of_shapes(monkeypatch):
    def full(self, x, z):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Pairs, "forward", full)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        MINE(Pairs()).scores(torch.randn(5, 4), torch.randn(5, 3))


@pytest.mark.parametrize(
    ("x", "z", "message"),
    [
        (torch.zeros(4, 1), torch.zeros(5, 1), "Expected as many x as z but got 4 and 5"),
        (torch.zeros(5, 1).numpy(), torch.zeros(5, 1), r"Expected x as a tensor \[n, ...\] but got ndarray"),
        (torch.zeros(5, 1), torch.tensor(1.0), r"Expected z as a tensor \[n, ...\] but got a single number"),
        (torch.zeros(5, 1).double(), torch.zeros(5, 1), "in the precision of T, float32, but got float64 and float32"),
    ],
)
@pytest.mark.parametrize("network", [MLPStatistics, SeparableStatistics])
@pytest.mark.parametrize("used", [False, True])
def test_sides_that_are_no_pairs_are_told(network, x, z, message, used):
    mine = MINE(network, (1,), (1,))
    if used:
        mine.estimate(torch.zeros(5, 1), torch.zeros(5, 1))
    with pytest.raises(InputError, match=message):
        mine.estimate(x, z)


@pytest.mark.parametrize(
    ("batch", "found"),
    [([torch.zeros(5, 1)], "1 entries"), ([torch.zeros(5, 1)] * 3, "3 entries"), ({"x": 1, "z": 2}, "dict")],
)
def test_a_batch_that_is_no_pair_is_told(batch, found):
    mine = MINE(MLPStatistics, (1,), (1,))
    for step in (mine.training_step, mine.validation_step):
        with pytest.raises(InputError, match=rf"Expected batches of two tensors, \(x, z\), but got {found}; load a"):
            step(batch, 0)


def test_a_shape_that_is_a_number_is_told():
    with pytest.raises(InputError, match=r"Expected z_shape to be a shape but got 1; give \(1,\)"):
        MINE(MLPStatistics, (1,), 1)


def test_a_t_with_nothing_to_train_is_told():
    with pytest.raises(InputError, match="Expected a statistics network with parameters to train but it has none"):
        MINE(Pairs().requires_grad_(False)).configure_optimizers()


class Form(nn.Module):
    """A T whose weight has the name of the method that scores all pairs."""

    def __init__(self):
        super().__init__()
        self.matrix = nn.Parameter(torch.eye(2))

    def forward(self, x, z):
        return (x @ self.matrix * z).sum(1)


def test_a_weight_called_matrix_is_no_way_to_score_all_pairs():
    x, z = torch.randn(2, 16, 2)
    joint, _ = MINE(Form()).scores(x, z)
    torch.testing.assert_close(joint, (x * z).sum(1))
