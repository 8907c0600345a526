"""Hosts whose backwards, steps and clearings come in an order of their own."""

from functools import partial

import pytest
import torch
from cases import difference, sgd, small_mlp, trainer
from pytorch_lightning import LightningModule
from pytorch_lightning.plugins import MixedPrecision
from torch import nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.regularizer.callback import MINERegularizer

DATA = TensorDataset(torch.randn(64, 4, generator=torch.Generator().manual_seed(3)))


def term(x="output:G", z="input:G[:, :2]", beta=5.0, **arguments):
    defaults = {"adaptive_clip": False, "statistics_network": small_mlp, "optimizer": sgd}
    return MINERegularizer(x, z, "maximize", beta, **{**defaults, **arguments})


def fit(tmp_path, host, *callbacks, **arguments):
    torch.manual_seed(0)
    module = host()
    run = trainer(tmp_path, *callbacks, **{"log_every_n_steps": 1, **arguments})
    torch.manual_seed(1)
    run.fit(module, DataLoader(DATA, 16))
    return module, run


class Three(LightningModule):
    """A generator, a discriminator and an encoder, each with its optimizer."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.G = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
        self.D = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        self.E = nn.Linear(4, 2)

    def configure_optimizers(self):
        return [torch.optim.SGD(module.parameters(), lr=0.05) for module in (self.G, self.D, self.E)]

    def of_d(self, x, fake):
        return softplus(-self.D(x)).mean() + softplus(self.D(fake)).mean()

    def of_g(self, fake):
        return softplus(-self.D(fake)).mean()


class Phases(Three):
    """Each phase clears all gradients before it, and D's backward runs through G."""

    between = True

    def training_step(self, batch, batch_idx):
        of_g, of_d, of_e = optimizers = self.optimizers()
        fake = self.G(torch.randn(len(batch[0]), 3))
        phases = [(lambda: self.of_d(batch[0], fake), of_d), (lambda: self.of_g(fake), of_g)]
        if self.between:
            phases.insert(1, (lambda: self.E(batch[0]).square().mean(), of_e))
        for loss, optimizer in phases:
            for other in optimizers:
                other.zero_grad()
            self.manual_backward(loss(), retain_graph=True)
            optimizer.step()


class TwoPhases(Phases):
    between = False


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_share_that_was_cleared_comes_again_whatever_backward_is_next(tmp_path, adaptive):
    found, _ = fit(tmp_path, Phases, term(adaptive_clip=adaptive))
    expected, _ = fit(tmp_path, TwoPhases, term(adaptive_clip=adaptive))
    plain, _ = fit(tmp_path, Phases)
    assert difference(found.G, plain.G) > 1e-3
    assert difference(found.G, expected.G) < 1e-6


class Raw(Three):
    """Clears right after a step that Lightning does not see."""

    def training_step(self, batch, batch_idx):
        of_g, of_d, _ = self.optimizers(use_pl_optimizer=False)
        fake = self.G(torch.randn(len(batch[0]), 3))
        for loss, optimizer in ((self.of_g(fake), of_g), (self.of_d(batch[0], fake.detach()), of_d)):
            self.manual_backward(loss)
            optimizer.step()
            of_g.zero_grad()
            of_d.zero_grad()


def test_a_raw_optimizer_is_refused_where_shares_are_held_and_taken_where_not(tmp_path):
    with pytest.raises(InputError, match="not with a raw optimizer, or set adaptive_clip=False"):
        fit(tmp_path, Raw, term(adaptive_clip=True))
    assert difference(fit(tmp_path, Raw, term())[0].G, fit(tmp_path, Raw)[0].G) > 1e-3


class CriticFirst(Three):
    def training_step(self, batch, batch_idx):
        of_g, of_d, _ = self.optimizers()
        turns = [(of_d, lambda fake: self.of_d(batch[0], fake.detach())), (of_g, self.of_g)]
        for optimizer, loss in turns[: 1 if self.current_epoch == 0 else 2]:
            self.toggle_optimizer(optimizer)
            optimizer.zero_grad()
            self.manual_backward(loss(self.G(torch.randn(len(batch[0]), 3))))
            optimizer.step()
            self.untoggle_optimizer(optimizer)


def test_a_critic_that_toggles_may_train_alone_for_an_epoch(tmp_path):
    with pytest.warns(UserWarning, match="no effect on CriticFirst so far"):
        found, _ = fit(tmp_path, CriticFirst, term(), max_epochs=2)
    assert difference(found.G, fit(tmp_path, CriticFirst, max_epochs=2)[0].G) > 1e-3


class InnerSteps(LightningModule):
    """Latents of its 16 samples, fitted in eight steps a batch."""

    fresh = False

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.code, self.decoder = nn.Parameter(torch.randn(16, 3)), nn.Linear(3, 4)

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        for _ in range(8):
            self.z = self.code * 1
            optimizer.zero_grad()
            self.manual_backward((self.decoder(self.z if self.fresh else self.code) - batch[0]).square().mean())
            optimizer.step()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class FreshInnerSteps(InnerSteps):
    fresh = True


def test_a_code_that_is_a_parameter_gets_the_term_in_each_step_of_a_batch(tmp_path):
    found, _ = fit(tmp_path, InnerSteps, term("batch:0", "attr:code"))
    expected, _ = fit(tmp_path, FreshInnerSteps, term("batch:0", "attr:z"))
    effect = difference(expected, fit(tmp_path, InnerSteps)[0])
    assert effect > 1e-3
    # T sees the code after the last step, where the other host's is that before it; one term a batch is an eighth
    assert difference(found, expected) < 0.05 * effect


class Bottleneck(LightningModule):
    """Automatic optimisation."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 3)
        self.decoder = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(3, 4))

    def training_step(self, batch, batch_idx):
        return (self.decoder(self.encoder(batch[0])) - batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


class BeginsInPlace(Bottleneck):
    def __init__(self):
        super().__init__()
        self.decoder[0].inplace = True


def test_an_input_that_its_module_changes_in_place_is_told(tmp_path):
    with pytest.warns(UserWarning, match="'input:decoder' was changed in place after it was captured"):
        fit(tmp_path, BeginsInPlace, term("batch:0", "input:decoder"))


class LogsAfterStep(Bottleneck):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.decoder = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))

    def training_step(self, batch, batch_idx):
        z = self.encoder(batch[0]).tanh()
        self.optimizers().zero_grad()
        self.manual_backward((self.decoder(z) - batch[0]).square().mean())
        self.optimizers().step()
        self.log("after", (self.decoder(z) - batch[0]).square().mean())


def test_a_pass_after_the_backward_needs_none_of_its_own(tmp_path):
    _, run = fit(tmp_path, LogsAfterStep, term("batch:0", "output:decoder"))
    assert run.callback_metrics["mine/mi"].isfinite()


class Stem(Bottleneck):
    """A stem that no optimizer has: nobody clears its gradient."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 4)

    def training_step(self, batch, batch_idx):
        return super().training_step([self.stem(batch[0]).tanh()], batch_idx)

    def configure_optimizers(self):
        return torch.optim.SGD([*self.encoder.parameters(), *self.decoder.parameters()], lr=1e-4)


def test_norms_are_of_what_is_trained_and_do_not_add_up(tmp_path):
    short, long = (fit(tmp_path, Stem, term("batch:0", "output:encoder", 1.0), max_epochs=n)[1] for n in (1, 10))
    for name in ("mine/g_u", "mine/g_m"):
        assert long.callback_metrics[name] < 1.5 * short.callback_metrics[name]


class StepBetween(Three):
    def training_step(self, batch, batch_idx):
        of_g, of_d, _ = self.optimizers()
        for optimizer in self.optimizers():
            optimizer.zero_grad()
        image = self.G(batch[0][:, :3])
        self.manual_backward(image.square().mean(), retain_graph=True)
        of_g.step()
        self.manual_backward(self.D(batch[0]).square().mean())
        of_d.step()


def test_a_step_between_two_backwards_through_one_graph_is_told(tmp_path):
    with pytest.raises(InputError, match="changed in place since, as by an optimizer step; add the two losses"):
        fit(tmp_path, StepBetween, term("output:G", "output:D", 1.0))


def test_an_optimizer_of_t_that_needs_a_closure_is_refused(tmp_path):
    with pytest.raises(InputError, match="steps without a closure but got LBFGS; take Adam"):
        fit(tmp_path, Bottleneck, term("batch:0", "output:encoder", optimizer=torch.optim.LBFGS))


class Faint(Bottleneck):
    def training_step(self, batch, batch_idx):
        return 1e-3 * super().training_step(batch, batch_idx)


def test_a_held_share_that_overflows_time_and_again_is_told(tmp_path):
    """The scale grows until the host's own gradient overflows, far beyond where the term's does."""
    plugin = partial(MixedPrecision, "16-mixed", "cpu")
    arguments = {"max_epochs": 60, "log_every_n_steps": 1}
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=10)
    with pytest.warns(UserWarning, match="overflows in half precision at the loss scaler's scale"):
        fit(tmp_path, Faint, term("batch:0", "output:encoder", adaptive_clip=True), plugins=plugin(scaler), **arguments)
