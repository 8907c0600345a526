"""Whose turn it is: the order of the two steps, what the second sees, and what each leaves alone."""

from functools import partial

import gans
import pytest
import torch
from cases import TinyDiscriminator, TinyGenerator, sgd, trainer
from pytorch_lightning import LightningModule

from mine_lightning.errors import InputError
from mine_lightning.hosts.alternation import alternate, samples, step_schedules, turns
from mine_lightning.networks import ConvGenerator
from mine_lightning.networks.latents import CodeAndNoise


class Host(LightningModule):
    """Both losses are the mean logit of the same generated images, so that each step can be written out."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator = TinyGenerator(), TinyDiscriminator()
        self.seen = {}

    def training_step(self, batch, batch_idx):
        fake = self.generator(batch)

        def loss_g():
            self.seen["discriminator"] = self.discriminator.body[1].weight.detach().clone()
            return self.discriminator(fake).mean()

        alternate(self, self.discriminator(fake.detach()).mean(), loss_g)
        self.seen["slope"] = [parameter.grad.clone() for parameter in self.discriminator.parameters()]

    def configure_optimizers(self):
        return [sgd(part.parameters()) for part in (self.generator, self.discriminator)]


def test_the_generator_answers_the_discriminator_after_its_step(tmp_path):
    host, latents = Host(), torch.randn(4, 6)
    before = host.discriminator.body[1].weight.detach().clone()
    fake = host.generator(latents).detach()
    slopes = torch.autograd.grad(host.discriminator(fake).mean(), list(host.discriminator.parameters()))
    fit = trainer(tmp_path)
    fit.fit(host, gans.Batches([latents]))
    torch.testing.assert_close(host.seen["discriminator"], before - 0.05 * slopes[0])
    # the generator's loss runs through the discriminator and leaves no gradient there
    torch.testing.assert_close(host.seen["slope"], list(slopes))
    assert fit.callback_metrics.keys() == {"train/loss_d", "train/loss_g"}
    assert all(parameter.requires_grad for parameter in host.parameters())


def test_each_turn_has_its_parameters_and_every_optimizer_its_schedule():
    class Turns:
        optimizer_g = optimizer_d = staticmethod(sgd)
        schedule = None
        generator, encoder, discriminator = (torch.nn.Linear(1, 1) for _ in range(3))

    host = Turns()
    (optimizer_g, optimizer_d), schedules = turns(host, host.generator, host.encoder)
    assert optimizer_g.param_groups[0]["params"] == [*host.generator.parameters(), *host.encoder.parameters()]
    assert optimizer_d.param_groups[0]["params"] == [*host.discriminator.parameters()]
    assert schedules == []
    host.schedule = lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizers, schedules = turns(host, host.generator)
    assert [schedule.optimizer for schedule in schedules] == optimizers


@pytest.mark.parametrize("count", [0, 1, 2])
def test_schedules_step_once_however_many_there_are(count):
    schedules = [
        torch.optim.lr_scheduler.StepLR(sgd(torch.nn.Linear(1, 1).parameters()), 1, gamma=0.5) for _ in range(count)
    ]
    for schedule in schedules:
        schedule.optimizer.step()

    class Scheduled:
        def lr_schedulers(self):
            return None if not schedules else schedules[0] if count == 1 else schedules

    step_schedules(Scheduled())
    assert [schedule.get_last_lr() for schedule in schedules] == [[0.025]] * count


def test_latents_differ_between_batches_processes_and_streams():
    class Process:
        device = torch.device("cpu")
        generator, latents = torch.nn.Identity(), CodeAndNoise(2, 2)

        def __init__(self, rank, world):
            self.global_rank = rank
            self.trainer = type("Trainer", (), {"world_size": world})()

    def draw(rank, batch_idx, stream, world=2):
        return samples(Process(rank, world), 3, batch_idx, stream)["samples"]

    drawn = [draw(rank, batch, stream) for rank in (0, 1) for batch in (0, 1) for stream in (0, 1)]
    assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])
    assert torch.equal(draw(1, 1, 1), draw(1, 1, 1))
    # the second process's first batch is what one process would call its second
    assert torch.equal(draw(1, 0, 0), draw(0, 1, 0, world=1))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"optimizer": partial(torch.optim.Adam, lr=-1)}, "Expected optimizer_g with arguments that it takes but it f"),
        ({"optimizer": partial(torch.optim.Adam, rate=1)}, "Expected optimizer_g with arguments that it takes but it"),
        (
            {"schedule": lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=0)},
            "Expected schedule with arguments that it takes but it failed: ",
        ),
        ({"schedule": torch.optim.lr_scheduler.ReduceLROnPlateau}, "steps by epochs but got ReduceLROnPlateau"),
    ],
)
def test_an_optimizer_or_a_schedule_that_does_not_fit_is_told(parts, message):
    with pytest.raises(InputError, match=message):
        gans.gan("dcgan", **parts).configure_optimizers()


@pytest.mark.parametrize("name", gans.GANS)
def test_latents_of_another_length_are_told_where_the_host_is_made(name):
    with pytest.raises(
        InputError, match="latent vectors of 6 numbers, which ConvGenerator takes, but code and noise to"
    ):
        gans.GANS[name](
            generator=ConvGenerator(latent=6, width=2), latents=CodeAndNoise(2, 3), optimizer_g=sgd, optimizer_d=sgd
        )
