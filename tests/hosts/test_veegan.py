"""VEEGAN's losses and both steps against a loop that writes them out as the paper has them."""

import gans
import pytest
import torch
from cases import difference, sgd, trainer

from mine_lightning.errors import InputError
from mine_lightning.hosts.veegan import VEEGAN
from mine_lightning.networks import ConvGenerator
from mine_lightning.networks.latents import CodeAndNoise


def test_training_equals_the_papers_losses_written_by_hand(tmp_path):
    host, reference, start = (gans.gan("veegan", optimizer=sgd) for _ in range(3))
    run = trainer(tmp_path)
    torch.manual_seed(4)
    run.fit(host, gans.Batches(gans.BATCHES))

    torch.manual_seed(4)
    G, F, D = reference.generator, reference.reconstructor, reference.discriminator
    optimizer_g, optimizer_d = sgd([*G.parameters(), *F.parameters()]), sgd(D.parameters())
    for number, x in enumerate(gans.BATCHES):
        z = reference.latents(16, torch.device("cpu"))
        x_g, z_g = G(z), F(x)
        # the paper's logit is of "(z, x) comes from the generator": minus ours
        real, fake = -D(x, z_g.detach()), -D(x_g.detach(), z)
        loss_d = -fake.sigmoid().log().mean() - (1 - real.sigmoid()).log().mean()
        if number % 2 == 0:
            at = x.clone().requires_grad_()
            (slope,) = torch.autograd.grad(D(at, z_g.detach()).sum(), at, create_graph=True)
            loss_d = loss_d + 1.0 / 2 * 2 * (slope**2).sum(dim=(1, 2, 3)).mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        d = ((z - F(x_g)) ** 2).sum(dim=1).mean()
        loss_g = (-D(x_g, z)).mean() - (-D(x, z_g)).mean() + 0.1 * d
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
    torch.testing.assert_close(run.callback_metrics["train/loss_d"], loss_d.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run.callback_metrics["train/loss_g"], loss_g.detach(), rtol=1e-4, atol=1e-5)
    for part in ("generator", "reconstructor", "discriminator"):
        moved = difference(host.get_submodule(part), start.get_submodule(part))
        assert moved > 1e-3
        assert difference(host.get_submodule(part), reference.get_submodule(part)) < 0.01 * moved


def test_a_negative_weight_is_told():
    with pytest.raises(InputError, match="Expected reconstruction >= 0 but got -1"):
        VEEGAN(ConvGenerator(6), gans.encoder, gans.discriminator(), CodeAndNoise(2, 4), reconstruction=-1.0)
