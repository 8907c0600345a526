"""ALI's losses and both steps against a loop that writes them out, draws of the encoder included."""

import gans
import pytest
import torch
from cases import conv, difference, sgd, trainer

from mine_lightning.regularizer.callback import MINERegularizer


def test_training_equals_the_losses_written_by_hand(tmp_path):
    host, reference, start = (gans.gan("ali", optimizer=sgd) for _ in range(3))
    run = trainer(tmp_path)
    torch.manual_seed(4)
    run.fit(host, gans.Batches(gans.BATCHES))

    torch.manual_seed(4)
    G, E, D = reference.generator, reference.encoder, reference.discriminator
    optimizer_g, optimizer_d = sgd([*G.parameters(), *E.parameters()]), sgd(D.parameters())
    for number, x in enumerate(gans.BATCHES):
        z = reference.latents(16, torch.device("cpu"))
        x_g = G(z)
        mean, log_std = E.body(x).chunk(2, dim=1)
        code = mean + log_std.exp() * torch.randn(16, 6)
        q, p = D(x, code.detach()).sigmoid(), D(x_g.detach(), z).sigmoid()
        loss_d = -q.log().mean() - (1 - p).log().mean()
        if number % 2 == 0:
            at = x.clone().requires_grad_()
            (slope,) = torch.autograd.grad(D(at, code.detach()).sum(), at, create_graph=True)
            loss_d = loss_d + 1.0 / 2 * 2 * (slope**2).sum(dim=(1, 2, 3)).mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()
        q, p = D(x, code).sigmoid(), D(x_g, z).sigmoid()
        loss_g = -(1 - q).log().mean() - p.log().mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
    torch.testing.assert_close(run.callback_metrics["train/loss_d"], loss_d.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run.callback_metrics["train/loss_g"], loss_g.detach(), rtol=1e-4, atol=1e-5)
    for part in ("generator", "encoder", "discriminator"):
        moved = difference(host.get_submodule(part), start.get_submodule(part))
        assert moved > 1e-4
        assert difference(host.get_submodule(part), reference.get_submodule(part)) < 0.01 * moved


@pytest.mark.parametrize(
    ("x", "z", "moved", "still"),
    [
        ("batch:", "output:encoder", "encoder", "generator"),
        ("output:generator", "input:generator", "generator", "encoder"),
    ],
)
def test_a_term_under_either_joint_moves_the_network_that_makes_it(tmp_path, x, z, moved, still):
    def fit(beta):
        host = gans.gan("ali", optimizer=sgd)
        run = trainer(tmp_path, MINERegularizer(x, z, "maximize", beta=beta, statistics_network=conv))
        torch.manual_seed(4)
        run.fit(host, gans.Batches(gans.BATCHES[:1]), gans.Batches(gans.BATCHES[1:3]))
        assert run.callback_metrics["val/mi"].isfinite()
        return host

    plain, with_term = fit(0.0), fit(1.0)
    assert difference(plain.get_submodule(moved), with_term.get_submodule(moved)) > 1e-6
    assert difference(plain.get_submodule(still), with_term.get_submodule(still)) == 0
    assert difference(plain.discriminator, with_term.discriminator) == 0
