"""ALICE's losses and both steps against loops that write them out, draws of the encoder included."""

import gans
import torch
from cases import difference, sgd, trainer


def test_training_with_the_squared_distance_equals_the_losses_written_by_hand(tmp_path):
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


def penalty(logits, at):
    (slope,) = torch.autograd.grad(logits.sum(), at, create_graph=True)
    return 1.0 / 2 * 2 * (slope**2).sum(dim=(1, 2, 3)).mean()


def test_training_with_a_second_discriminator_equals_the_losses_written_by_hand(tmp_path):
    host, reference, start = (gans.gan("alice_adv", optimizer=sgd) for _ in range(3))
    run = trainer(tmp_path)
    torch.manual_seed(4)
    run.fit(host, gans.Batches(gans.BATCHES))

    torch.manual_seed(4)
    G, E, D, eta = reference.generator, reference.encoder, reference.discriminator, reference.cycle.eta
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
    for part in ("generator", "encoder", "discriminator", "cycle"):
        moved = difference(host.get_submodule(part), start.get_submodule(part))
        assert moved > 1e-4
        assert difference(host.get_submodule(part), reference.get_submodule(part)) < 0.01 * moved


def test_without_weight_it_trains_as_ali(tmp_path):
    def fitted(name):
        host = gans.gan(name, optimizer=sgd)
        if name != "ali":
            host.cycle.weight = 0.0
        torch.manual_seed(4)
        trainer(tmp_path).fit(host, gans.Batches(gans.BATCHES))
        return host

    assert difference(fitted("alice_l2"), fitted("ali")) < 1e-6
