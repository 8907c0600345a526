"""The generator's gradient against finite differences of the whole unrolled loss, and what it leaves alone."""

import copy

import gans
import pytest
import torch
from cases import TinyDiscriminator, TinyGenerator, adam, assert_same, difference, sgd, trainer
from torch.nn.functional import softplus

from mine_lightning.errors import InputError
from mine_lightning.hosts.adversarial import ZeroCentredPenalty
from mine_lightning.hosts.unrolled_gan import UnrolledGAN
from mine_lightning.networks.latents import CodeAndNoise


def tiny(unroll, optimizer=sgd, penalty=None):
    torch.manual_seed(0)
    return UnrolledGAN(TinyGenerator(), TinyDiscriminator(), CodeAndNoise(2, 4), unroll, optimizer, optimizer, penalty)


def brute_force(generator, discriminator, real, z, unroll):
    """Return the generator's loss after so many plain gradient steps of a copy, by torch's optimizer."""
    copied = copy.deepcopy(discriminator)
    fake = generator(z).detach()
    optimizer = sgd(copied.parameters())
    for _ in range(unroll):
        optimizer.zero_grad()
        (softplus(-copied(real)).mean() + softplus(copied(fake)).mean()).backward()
        optimizer.step()
    return softplus(-copied(fake)).mean().item()


def test_generator_moves_along_the_finite_differences_of_the_unrolled_loss(tmp_path):
    unroll, penalty = 3, ZeroCentredPenalty(2.0)
    host, start = tiny(unroll, penalty=penalty).double(), tiny(unroll).double()
    real, z = torch.rand(8, 3, 8, 8).double(), torch.randn(8, 6).double()
    host.latents.forward = lambda n, device: z
    trainer(tmp_path, precision="64-true").fit(host, gans.Batches([real]))
    assert difference(start.discriminator, host.discriminator) > 1e-3

    slopes = {
        name: (p - q) / 0.05
        for (name, p), q in zip(start.generator.named_parameters(), host.generator.parameters(), strict=True)
    }
    generator, size = start.generator, 1e-5
    for name, parameter in generator.named_parameters():
        flat = parameter.data.view(-1)
        for place in torch.linspace(0, len(flat) - 1, 4).long().tolist():
            value, losses = flat[place].item(), []
            for offset in (size, -size):
                flat[place] = value + offset
                losses.append(brute_force(generator, host.discriminator, real, z, unroll))
            flat[place] = value
            expected = (losses[0] - losses[1]) / (2 * size)
            assert slopes[name].view(-1)[place].item() == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_the_steps_matter(tmp_path):
    hosts = [tiny(unroll, optimizer=adam) for unroll in (0, 5)]
    for host in hosts:
        torch.manual_seed(4)
        trainer(tmp_path).fit(host, gans.Batches([torch.rand(8, 3, 8, 8)]))
    assert difference(hosts[0].generator, hosts[1].generator) > 1e-4
    assert difference(hosts[0].discriminator, hosts[1].discriminator) == 0  # the look-ahead left nothing behind


def test_without_steps_it_is_dcgan(tmp_path):
    def fit(host):
        torch.manual_seed(4)
        trainer(tmp_path).fit(host, gans.Batches(gans.BATCHES))
        return {name: parameter.detach() for name, parameter in host.named_parameters()}

    plain = gans.gan("unrolled_gan")
    plain.unroll = 0
    assert_same(fit(plain), fit(gans.gan("dcgan")))


def test_a_layer_that_is_frozen_takes_no_step_ahead(tmp_path):
    hosts = [tiny(3, adam).double() for _ in range(2)]
    first = next(hosts[0].discriminator.parameters())
    for host in hosts:
        next(host.discriminator.parameters()).requires_grad_(False)
    # the same by an optimizer that has not got it, of which there is nothing to note
    hosts[1].optimizer_d = lambda parameters: adam([p for p in parameters if p.requires_grad])
    for host in hosts:
        torch.manual_seed(4)
        trainer(tmp_path, precision="64-true").fit(host, gans.Batches([torch.rand(8, 3, 8, 8).double()] * 2))
    assert torch.equal(first, next(tiny(3, adam).double().discriminator.parameters()))
    assert_same(hosts[0].state_dict(), hosts[1].state_dict())


def test_without_steps_any_optimizer_will_do(tmp_path):
    host = tiny(0, torch.optim.RMSprop)
    trainer(tmp_path).fit(host, gans.Batches([torch.rand(8, 3, 8, 8)]))


def test_a_negative_number_of_steps_is_told():
    with pytest.raises(InputError, match="Expected unroll >= 0 but got -1"):
        tiny(-1)
