"""What every GAN host must do, whatever its losses: resume, precision, schedules, two processes, a term from outside."""

import os
import subprocess
import sys
from pathlib import Path

import gans
import pytest
import torch
from cases import assert_same, conv, difference, trainer, weights
from torch.utils.data import DataLoader

from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.runs.random_streams import SeedEachEpoch

TESTS = Path(__file__).parents[1]
every_gan = pytest.mark.parametrize("name", gans.GANS)


@every_gan
def test_resume_is_bitwise(tmp_path, name):
    def run(epochs, checkpoint=None):
        host = gans.gan(name, schedule=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5))
        fit = trainer(tmp_path, SeedEachEpoch(1), max_epochs=epochs)
        fit.fit(host, DataLoader(gans.IMAGES, 16), ckpt_path=checkpoint)
        fit.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return host.state_dict(), [optimizer.param_groups[0]["lr"] for optimizer in host.optimizers()]

    run(1)
    whole, rates = run(3)
    torch.manual_seed(77)
    resumed, resumed_rates = run(3, tmp_path / "1.ckpt")
    assert_same(dict(whole), dict(resumed))
    assert rates == resumed_rates == [1e-3 / 8] * 2


@every_gan
def test_both_sides_train_and_log_in_half_precision(tmp_path, name):
    host = gans.gan(name)
    fit = trainer(tmp_path, precision="bf16-mixed")
    fit.fit(host, gans.Batches(gans.BATCHES))
    assert weights(host).isfinite().all()
    for part in host.children():
        moved = zip(part.parameters(), gans.gan(name).get_submodule(_name(host, part)).parameters(), strict=True)
        assert all(not torch.equal(a, b) for a, b in moved)
    assert {"train/loss_d", "train/loss_g"} <= set(fit.callback_metrics)


def _name(host, part):
    return next(name for name, child in host.named_children() if child is part)


@every_gan
def test_evaluations_see_the_same_latents_and_the_test_others(tmp_path, name):
    host = gans.gan(name)
    trainer(tmp_path).fit(host, gans.Batches(gans.BATCHES))
    host.eval()
    first, second, test = (
        step(gans.BATCHES[0], 0)["samples"] for step in (host.validation_step, host.validation_step, host.test_step)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, test)
    assert not torch.equal(first, host.validation_step(gans.BATCHES[0], 1)["samples"])
    assert first.shape == gans.BATCHES[0].shape
    latents = host.latents(5, torch.device("cpu"))
    assert torch.equal(host(latents), host.generator(latents))


@pytest.mark.filterwarnings("ignore:'.*' was captured 2 times")  # ALICE decodes its codes too, before its latents
@every_gan
def test_a_term_from_outside_moves_the_generator_and_nothing_else_at_first(tmp_path, name):
    def fit(*callbacks):
        host = gans.gan(name)
        run = trainer(tmp_path, *callbacks)
        torch.manual_seed(5)
        run.fit(host, gans.Batches(gans.BATCHES[:1]))
        return host, run.callback_metrics

    def term(beta):
        captures = ("output:generator", "input:generator[:, :2]", "maximize")
        return MINERegularizer(*captures, beta=beta, statistics_network=conv)

    (plain, _), (watched, _), (moved, logged) = fit(), fit(term(0.0)), fit(term(1.0))
    assert difference(plain, watched) == 0
    assert difference(plain.generator, moved.generator) > 1e-5
    assert difference(plain.discriminator, moved.discriminator) == 0  # one step, taken before the generator's
    assert logged["mine/mi"].isfinite()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """What two processes left, host by host; one thread each, for a fork is safe before torch has started any."""
    folder = tmp_path_factory.mktemp("gans")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(TESTS / "hosts" / "two_processes.py"), str(folder)]
    subprocess.run(command, env=environment, check=True, timeout=240, capture_output=True)
    return folder


@every_gan
def test_two_processes_stay_bitwise_equal_and_train_every_parameter(two_processes, name):
    error = two_processes / f"{name}.error"
    assert not error.exists(), error.read_text()
    first, second = (torch.load(two_processes / f"{name}-rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert_same(first, second)
    start = gans.gan(name)
    assert all(not torch.equal(first[key], value) for key, value in start.named_parameters())
