"""What surrounds an estimate does not reach it, and it leaves no trace there."""

import contextlib
import threading

import pytest
import torch

from mine_lightning import estimate_mi
from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.denormals import flushed_denormals
from mine_lightning.estimation.surroundings import on_its_own

X, Z = Gaussian("g", sparse(1, 0.8)).sample(400, 0)


def estimate():
    return estimate_mi(X, Z, max_steps=30, folds=2).nats


PLAIN = estimate()


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize(
    "surroundings",
    [
        lambda: torch.autocast("cpu", torch.bfloat16),
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.device("meta"),
        lambda: default_dtype(torch.float64),
        lambda: default_dtype(torch.bfloat16),
        flushed_denormals,
    ],
    ids=["autocast", "inference mode", "no grad", "default device", "float64", "bfloat16", "flushed denormals"],
)
def test_the_value_is_bitwise_the_same(surroundings):
    with surroundings():
        assert estimate() == PLAIN


def test_samples_made_in_inference_mode_are_samples():
    with torch.inference_mode():
        x, z = X.clone(), Z.clone()
    assert estimate_mi(x, z, max_steps=30, folds=2).nats == PLAIN


def test_threads_wait_for_each_other():
    values = []
    threads = [threading.Thread(target=lambda: values.append(estimate())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == [PLAIN, PLAIN]


def test_ctrl_c_is_an_interrupt_and_another_exit_stays_one():
    def exit_as_lightning_does():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit(1)  # noqa: B904 - as it does

    with pytest.raises(KeyboardInterrupt), on_its_own():
        exit_as_lightning_does()
    with pytest.raises(SystemExit), on_its_own():
        raise SystemExit(2)


def test_ctrl_c_in_a_training_is_an_interrupt():
    class Interrupted(torch.nn.Module):
        def __init__(self, x_shape, z_shape):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def forward(self, x, z):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        estimate_mi(X, Z, statistics_network=Interrupted)
