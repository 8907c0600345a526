"""ALICE(Adv.)'s losses, its two discriminators and all steps against a loop that writes them out."""

import gans
import pytest
import torch
from cases import difference, sgd, trainer

from mine_lightning.errors import InputError
from mine_lightning.hosts.alice_adv import ALICEAdv


def penalty(logits, at):
    (slope,) = torch.autograd.grad(logits.sum(), at, create_graph=True)
    return 1.0 / 2 * 2 * (slope**2).sum(dim=(1, 2, 3)).mean()


def test_training_equals_the_losses_written_by_hand(tmp_path):
    host, reference, start = (gans.gan("alice_adv", optimizer=sgd) for _ in range(3))
    run = trainer(tmp_path)
    torch.manual_seed(4)
    run.fit(host, gans.Batches(gans.BATCHES))

    torch.manual_seed(4)
    G, E, D, eta = (reference.get_submodule(name) for name in host._modules if name != "latents")
    assert isinstance(eta, type(D.images))
    optimizer_g = sgd([*G.parameters(), *E.parameters()])
    optimizer_d = sgd([*D.parameters(), *eta.parameters()])
    for number, x in enumerate(gans.BATCHES):
        z = reference.latents(16, torch.device("cpu"))
        x_g = G(z)
        mean, log_std = E.body(x).chunk(2, dim=1)
        code = mean + log_std.exp() * torch.randn(16, 6)
        again = G(code)
        same, other = torch.cat([x, x], dim=1), torch.cat([x, again], dim=1)
        q, p = D(x, code.detach()).sigmoid(), D(x_g.detach(), z).sigmoid()
        loss_d = -q.log().mean() - (1 - p).log().mean()
        loss_d = loss_d - eta(same).sigmoid().log().mean() - (1 - eta(other.detach()).sigmoid()).log().mean()
        if number % 2 == 0:
            at, both = x.clone().requires_grad_(), same.clone().requires_grad_()
            loss_d = loss_d + penalty(D(at, code.detach()), at) + penalty(eta(both), both)
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        q, p = D(x, code).sigmoid(), D(x_g, z).sigmoid()
        loss_g = -(1 - q).log().mean() - p.log().mean() - 0.5 * eta(other).sigmoid().log().mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
    torch.testing.assert_close(run.callback_metrics["train/loss_d"], loss_d.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run.callback_metrics["train/loss_g"], loss_g.detach(), rtol=1e-4, atol=1e-5)
    for part in ("generator", "encoder", "discriminator", "reconstruction_discriminator"):
        moved = difference(host.get_submodule(part), start.get_submodule(part))
        assert moved > 1e-4
        assert difference(host.get_submodule(part), reference.get_submodule(part)) < 0.01 * moved


@pytest.mark.parametrize("wrong", [{"reconstruction": -1.0}, {"channels": 0}])
def test_wrong_numbers_are_told(wrong):
    with pytest.raises(InputError, match="Expected reconstruction >= 0, which weighs a loss, and channels >= 1"):
        ALICEAdv(
            gans.ConvGenerator(latent=6, width=2),
            gans.discriminator(),
            gans.discriminator,
            gans.CodeAndNoise(2, 4),
            **wrong,
        )
