"""T beside a host: its shapes, its state, and what an overflow does to it."""

import copy
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from cases import Plain, adam, assert_same, small_mlp

from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.errors import InputError
from mine_lightning.pairing import Derangements
from mine_lightning.regularizer.ascent import Ascent, detached
from mine_lightning.regularizer.ranks import Ranks

ALONE = SimpleNamespace(
    strategy=SimpleNamespace(broadcast=lambda tensor: tensor), callbacks=[], state=SimpleNamespace(fn="fit")
)
stream = torch.Generator().manual_seed(1)
X, Z = torch.randn(32, 4, generator=stream), torch.randn(32, 3, generator=stream)


def ascent(optimizer=adam, **arguments):
    return Ascent(small_mlp, DonskerVaradhan(), Derangements(3), optimizer, seed=0, **{"steps": 1, **arguments})


def update(built, x=X, z=Z):
    return built.update(ALONE, Plain(), x, z, Ranks())


def test_reads_before_it_steps():
    built = ascent(steps=5)
    untrained = built.ready(ALONE, Plain(), X, Z)
    joint, marginal = untrained.scores(X, Z, "update")
    value = untrained.bound(joint, marginal).item()
    reading = update(built)
    assert reading.value.item() == value
    assert reading.drift == 0  # the first batch sets the average
    assert reading.pairs == 96
    assert built.mine.updates == 5
    assert update(built).value > value


def test_drift_is_the_batch_against_the_average():
    built = ascent()
    update(built)
    average = built.mine.bound.log_average.clone()
    _, marginal = built.mine.scores(X * 3, Z, "update")
    expected = marginal.exp().mean().log() - average
    torch.testing.assert_close(update(built, X * 3).drift, expected.detach())


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_an_overflow_in_the_host_leaves_t_and_the_average_as_they_are_finite(bad):
    built = ascent()
    update(built)
    average = built.mine.bound.log_average.clone()
    update(built, X.clone().index_fill_(0, torch.tensor([0]), bad))
    assert all(parameter.isfinite().all() for parameter in built.mine.parameters())
    assert torch.equal(built.mine.bound.log_average, average)
    assert update(built).value.isfinite()


def test_state_is_taken_up_before_and_after_t_is_built():
    built = ascent()
    assert built.state_dict() == {"shapes": None}
    update(built)
    state = built.state_dict()
    later, at_once = ascent(), ascent()
    later.load_state_dict(state)
    assert_same(later.state_dict(), state)
    later.resume(ALONE, Plain())
    at_once.ready(ALONE, Plain(), X, Z)
    at_once.load_state_dict(state)
    for other in (later, at_once):
        assert_same(other.state_dict(), state)


def test_an_optimizers_settings_are_those_given_anew_and_what_it_changed_itself_stays():
    first = ascent(partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.9)))
    update(first)
    first._optimizer.param_groups[0]["lr"] = 7e-4  # as an optimizer does that finds its own rate
    state = first.state_dict()
    for rate, betas, expected in ((1e-3, (0.5, 0.9), 7e-4), (5e-3, (0.9, 0.99), 5e-3)):
        other = ascent(partial(torch.optim.Adam, lr=rate, betas=betas))
        other.load_state_dict(state)
        other.resume(ALONE, Plain())
        (group,) = other._optimizer.param_groups
        assert (group["lr"], group["betas"]) == (expected, betas)
        assert other._optimizer.state_dict()["state"][0]["step"] == 1
    older = {key: value for key, value in state.items() if key != "settings"}
    other.load_state_dict(older)
    assert other._optimizer.param_groups[0]["lr"] == 7e-4


def test_the_state_of_another_kind_of_optimizer_is_refused():
    first, other = ascent(), ascent(partial(torch.optim.SGD, lr=0.1, momentum=0.9))
    update(first)
    other.load_state_dict(first.state_dict())
    other.resume(ALONE, Plain())  # to be validated, for which no optimizer is needed
    with pytest.raises(InputError, match=r"Expected the optimizer of T .* has no momentum"):
        other.start(ALONE, Plain())


def test_each_group_of_an_optimizer_has_what_was_given_anew_for_it():
    def grouped(slow, fast):
        def make(parameters):
            first, *rest = parameters
            return torch.optim.Adam([{"params": [first], "lr": slow}, {"params": rest}], lr=fast)

        return ascent(make)

    first, other = grouped(1e-5, 1e-3), grouped(1e-5, 2e-3)
    update(first)
    other.load_state_dict(first.state_dict())
    other.start(ALONE, Plain())
    assert [group["lr"] for group in other._optimizer.param_groups] == [1e-5, 2e-3]


def test_a_state_from_before_the_first_batch_starts_anew():
    first, built = ascent(), ascent()
    update(first)
    state = copy.deepcopy(first.state_dict())  # after one update
    update(built)
    update(built)
    built.load_state_dict(ascent().state_dict())
    assert built.mine is None
    update(built)
    assert_same(built.state_dict(), state)


def test_what_t_sees_is_a_plain_tensor():
    class Picture(torch.Tensor):
        pass

    assert type(detached(X.as_subclass(Picture).requires_grad_(), Plain())) is torch.Tensor


def test_an_optimizer_that_is_none_is_told():
    with pytest.raises(InputError, match="optimizer of T to be a callable that returns one but it returned None"):
        update(ascent(optimizer=lambda parameters: None))


def test_other_shapes_are_told():
    built = ascent()
    update(built)
    with pytest.raises(InputError, match=r"of shape \[4\] and \[3\] a sample, as in the first batch, but got \[2\]"):
        update(built, X[:, :2])


@pytest.mark.parametrize(("host", "t"), [(torch.float64, torch.float64), (torch.bfloat16, torch.float32)])
def test_t_is_in_float32_or_better(host, t):
    module = Plain().to(host)
    assert ascent().ready(ALONE, module, X, Z).statistics_network.output.weight.dtype == t
    assert detached(X.to(host).requires_grad_(), module).dtype == t
    assert not detached(X.to(host).requires_grad_(), module).requires_grad
