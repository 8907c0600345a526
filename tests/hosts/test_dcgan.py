"""The DCGAN host against a loop written by hand; resume; what it knows of mutual information: nothing."""

import inspect
from functools import partial

import pytest
import torch
from cases import tiny_gan, trainer, weights
from torch.utils.data import DataLoader

from mine_lightning.hosts import dcgan
from mine_lightning.hosts.adversarial import ZeroCentredPenalty
from mine_lightning.runs.random_streams import SeedEachEpoch

IMAGES = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
# plain SGD: Adam turns the rounding of a vanishing gradient into a whole step
sgd = partial(torch.optim.SGD, lr=0.05)


def test_training_equals_a_loop_written_by_hand(tmp_path):
    host = tiny_gan(penalty=ZeroCentredPenalty(2.0, every=2), optimizer=sgd)
    reference = tiny_gan()
    torch.manual_seed(4)
    trainer(tmp_path).fit(host, _Loader(IMAGES.split(16)))

    torch.manual_seed(4)
    optimizer_g, optimizer_d = sgd(reference.generator.parameters()), sgd(reference.discriminator.parameters())
    D = reference.discriminator
    for number, real in enumerate(IMAGES.split(16)):
        fake = reference.generator(reference.latents(16, torch.device("cpu")))
        loss_d = -D(real).sigmoid().log().mean() - (1 - D(fake.detach()).sigmoid()).log().mean()
        if number % 2 == 0:
            x = real.clone().requires_grad_()
            (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
            loss_d = loss_d + 2.0 / 2 * 2 * (slope**2).sum(dim=(1, 2, 3)).mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        (-D(fake).sigmoid().log().mean()).backward()
        optimizer_g.step()
    assert (weights(host) - weights(reference)).abs().max() < 1e-6
    assert (weights(host) - weights(tiny_gan())).abs().max() > 1e-3


class _Loader(list):
    """Batches as they are: a DataLoader would draw from the global random state."""


def test_evaluations_see_the_same_latents_and_the_test_others(tmp_path):
    host = tiny_gan()
    trainer(tmp_path).fit(host, _Loader(IMAGES.split(16)))
    first, second, test = (
        step(IMAGES, 0)["samples"] for step in (host.validation_step, host.validation_step, host.test_step)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, test)
    assert not torch.equal(first, host.validation_step(IMAGES, 1)["samples"])
    assert first.shape == IMAGES.shape


def test_schedule_steps_both_optimizers_once_an_epoch(tmp_path):
    host = tiny_gan()
    host.schedule = lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    trainer(tmp_path, max_epochs=3).fit(host, _Loader(IMAGES.split(16)))
    assert [optimizer.param_groups[0]["lr"] for optimizer in host.optimizers()] == [1e-3 / 8] * 2


def test_resume_is_bitwise(tmp_path):
    def run(epochs, checkpoint=None):
        host = tiny_gan(penalty=ZeroCentredPenalty())
        host.schedule = lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        fit = trainer(tmp_path, SeedEachEpoch(1), max_epochs=epochs)
        fit.fit(host, DataLoader(IMAGES, 16), ckpt_path=checkpoint)
        fit.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return weights(host)

    run(1)
    whole = run(3)
    torch.manual_seed(77)
    assert torch.equal(whole, run(3, tmp_path / "1.ckpt"))


def test_no_line_of_the_host_knows_of_mutual_information():
    source = inspect.getsource(dcgan).lower()
    assert not any(word in source for word in ("mutual", "regularizer", "mine_lightning.estimator", "capture"))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_trains_in_every_precision(tmp_path, precision):
    host = tiny_gan(penalty=ZeroCentredPenalty())
    trainer(tmp_path, precision=precision).fit(host, _Loader(IMAGES.split(16)))
    assert weights(host).isfinite().all()
