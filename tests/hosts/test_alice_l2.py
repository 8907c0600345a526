"""ALICE(l2)'s losses and both steps against a loop that writes them out, draws of the encoder included."""

import gans
import pytest
import torch
from cases import difference, sgd, trainer

from mine_lightning.errors import InputError
from mine_lightning.hosts.alice_l2 import ALICEL2


def test_training_equals_the_losses_written_by_hand(tmp_path):
    host, reference, start = (gans.gan("alice_l2", optimizer=sgd, penalised=False) for _ in range(3))
    run = trainer(tmp_path)
    torch.manual_seed(4)
    run.fit(host, gans.Batches(gans.BATCHES))

    torch.manual_seed(4)
    G, E, D = reference.generator, reference.encoder, reference.discriminator
    optimizer_g, optimizer_d = sgd([*G.parameters(), *E.parameters()]), sgd(D.parameters())
    for x in gans.BATCHES:
        z = reference.latents(16, torch.device("cpu"))
        x_g = G(z)
        mean, log_std = E.body(x).chunk(2, dim=1)
        code = mean + log_std.exp() * torch.randn(16, 6)
        loss_d = -D(x, code.detach()).sigmoid().log().mean() - (1 - D(x_g.detach(), z).sigmoid()).log().mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        squared = ((x - G(code)) ** 2).sum(dim=(1, 2, 3)) / (3 * 28 * 28)
        # in the order of the sum: a pass through D moves the statistics of its batch normalisation, no more
        q, p = D(x, code).sigmoid(), D(x_g, z).sigmoid()
        loss_g = -(1 - q).log().mean() - p.log().mean() + 0.5 * squared.mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
    torch.testing.assert_close(run.callback_metrics["train/loss_d"], loss_d.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run.callback_metrics["train/loss_g"], loss_g.detach(), rtol=1e-4, atol=1e-5)
    for part in ("generator", "encoder", "discriminator"):
        moved = difference(host.get_submodule(part), start.get_submodule(part))
        assert moved > 1e-4
        assert difference(host.get_submodule(part), reference.get_submodule(part)) < 0.01 * moved


def test_without_weight_it_trains_as_ali(tmp_path):
    def fitted(name):
        host = gans.gan(name, optimizer=sgd)
        host.reconstruction = 0.0
        torch.manual_seed(4)
        trainer(tmp_path).fit(host, gans.Batches(gans.BATCHES))
        return host

    assert difference(fitted("alice_l2"), fitted("ali")) < 1e-6


def test_a_negative_weight_is_told():
    with pytest.raises(InputError, match="Expected reconstruction >= 0 but got -1"):
        ALICEL2(gans.ConvGenerator(latent=6, width=2), gans.discriminator(), gans.CodeAndNoise(2, 4), reconstruction=-1)
