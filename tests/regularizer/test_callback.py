"""MINERegularizer against losses written by hand, its promises on state, and what it says when something is off."""

import copy
import math
from functools import partial

import numpy as np
import pytest
import torch
from by_hand import Term
from cases import Plain, adam, assert_same, hooks_of, tiny_gan, trainer, weights
from pytorch_lightning import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.bounds import DonskerVaradhan, FDivergence, InfoNCE
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.hosts.adversarial import discriminator_loss, generator_loss
from mine_lightning.networks import ConvStatistics, MLPStatistics
from mine_lightning.pairing import Derangements
from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.runs.random_streams import SeedEachEpoch

# plain SGD wherever two runs are compared: Adam turns the rounding of a vanishing gradient into a whole step
sgd = partial(torch.optim.SGD, lr=0.05)
IMAGES = torch.rand(96, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
STEPS, BATCH = 6, 16


def conv(x_shape, z_shape):
    return ConvStatistics(x_shape, z_shape, channels=(4, 8), hidden=16)


def term(**arguments):
    defaults = {
        "x": "output:generator",
        "z": "input:generator[:, :2]",
        "direction": "maximize",
        "statistics_network": conv,
        "optimizer": sgd,
    }
    return MINERegularizer(**{**defaults, **arguments})


def fit_gan(tmp_path, callback, precision="32-true", **arguments):
    host = tiny_gan(optimizer=sgd)
    callbacks = [SeedEachEpoch(0)] + ([] if callback is None else [callback])
    loader = DataLoader(IMAGES, BATCH)
    trainer(tmp_path, *callbacks, precision=precision, **arguments).fit(host, loader)
    return host


def gan_by_hand(beta, adaptive, precision="32-true"):
    """Train the same GAN in a plain loop: g_u, and g_m straight through generator and T, added up and stepped."""
    host = tiny_gan(optimizer=sgd)
    mine = MINE(conv, (3, 8, 8), (2,), optimizer=sgd)
    (optimizer_g, optimizer_d), _ = host.configure_optimizers()
    optimizer_t = sgd([p for p in mine.parameters() if p.requires_grad])
    parameters = list(host.generator.parameters())
    _seed_as_first_epoch()
    log_average, factors, readings = None, [], []
    for batch in IMAGES.split(BATCH):
        # as Lightning has it: its autocast spans the whole step, backward included, and caches no cast weight
        with torch.autocast("cpu", torch.bfloat16, precision == "bf16-mixed", cache_enabled=False):
            latents = host.latents(len(batch), batch.device)
            fake = host.generator(latents)
            loss_d = discriminator_loss(host.discriminator(batch), host.discriminator(fake.detach()))
            optimizer_d.zero_grad()
            loss_d.backward()
            optimizer_d.step()
            host.discriminator.requires_grad_(False)
            loss_g = generator_loss(host.discriminator(fake))
            with torch.autocast("cpu", enabled=False):
                joint, marginal = mine.scores(fake.float(), latents[:, :2])
                mi = joint.mean() - torch.logsumexp(marginal.flatten(), 0) + math.log(marginal.numel())
                g_m = torch.autograd.grad(-beta * mi, parameters, retain_graph=True)
            g_u = torch.autograd.grad(loss_g, parameters)
            host.discriminator.requires_grad_(True)
            norm_u, norm_m = (torch.cat([g.flatten() for g in gs]).norm() for gs in (g_u, g_m))
            factors.append((norm_u / norm_m).clamp(max=1).item() if adaptive else 1.0)
            for parameter, u, m in zip(parameters, g_u, g_m, strict=True):
                parameter.grad = u + factors[-1] * m
            optimizer_g.step()

        joint, marginal = mine.scores(fake.detach().float(), latents[:, :2], "update")
        batch_mean = (torch.logsumexp(marginal.flatten(), 0) - math.log(marginal.numel())).detach()
        average = batch_mean if log_average is None else (0.99 * log_average.exp() + 0.01 * batch_mean.exp()).log()
        log_average = average
        # of the update's own draw, before T moves
        readings.append([(joint.mean() - batch_mean).item(), norm_u.item(), norm_m.item(), factors[-1]])
        optimizer_t.zero_grad()
        (marginal.exp().mean() / average.exp() - joint.mean()).backward()
        optimizer_t.step()
        mine.updates += 1
    return host, mine, factors, readings


def _seed_as_first_epoch():
    class Stand:
        current_epoch = global_rank = 0

    SeedEachEpoch(0).on_train_batch_start(Stand, None, None, 0)


def distance(a, b):
    return (weights(a) - weights(b)).abs().max().item()


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize(("beta", "adaptive"), [(1.0, False), (1.0, True), (300.0, True)])
def test_gan_under_manual_optimisation_equals_a_loop_written_by_hand(tmp_path, precision, beta, adaptive):
    callback = term(beta=beta, adaptive_clip=adaptive)
    host = fit_gan(tmp_path, callback, precision, log_every_n_steps=1)
    reference, mine, factors, readings = gan_by_hand(beta, adaptive, precision)
    logged = [host.trainer.callback_metrics[f"mine/{key}"].item() for key in ("mi", "g_u", "g_m", "clip")]
    assert logged == pytest.approx(readings[-1], rel=2e-2, abs=1e-5)
    effect = distance(fit_gan(tmp_path, None, precision), reference)
    assert effect > 1e-4
    # both branches of the clip are meant: with beta 300 it binds, with beta 1 it does not
    assert (min(factors) < 1) == (beta == 300)
    assert distance(host, reference) <= 1e-3 * effect
    untrained = MINE(conv, (3, 8, 8), (2,))
    assert distance(callback.mine, mine) <= 1e-3 * distance(untrained, mine)


class Raised(FDivergence):
    """The bound plus 2 nats: above 0 from the first batch on, with the same gradient."""

    def forward(self, joint, marginal):
        return super().forward(joint, marginal) + 2


@pytest.mark.parametrize(("direction", "sign"), [("maximize", -1), ("minimize", 1)])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_classifier_under_automatic_optimisation_equals_a_loss_written_by_hand(tmp_path, direction, sign, accumulate):
    x, y = torch.randn(64, 4), torch.randint(2, (64,))

    def statistics(x_shape, z_shape):
        return MLPStatistics(x_shape, z_shape, hidden=(16,))

    host = Plain(dropout=0.0)
    reference, plain = copy.deepcopy(host), copy.deepcopy(host)
    callback = MINERegularizer("batch:0", "output:encoder", direction, 0.7, False, statistics, Raised(), optimizer=sgd)
    arguments = {"accumulate_grad_batches": accumulate, "gradient_clip_val": 0.5}
    loader = DataLoader(TensorDataset(x, y), 16)
    trainer(tmp_path, callback, **arguments).fit(host, loader)
    trainer(tmp_path, **arguments).fit(plain, loader)

    mine = MINE(statistics, (4,), (3,), Raised(), optimizer=sgd)
    optimizer, optimizer_t = reference.configure_optimizers(), sgd(mine.parameters())
    for number, (bx, by) in enumerate(zip(x.split(16), y.split(16), strict=True), 1):
        z = reference.encoder(bx)
        joint, marginal = mine.scores(bx, z)
        mi = joint.mean() - (marginal - 1).exp().mean()
        loss = nn.functional.cross_entropy(reference.head(z), by) + sign * 0.7 * mi
        (loss / accumulate).backward()
        optimizer_t.zero_grad()  # the host's backward went through T as well
        if number % accumulate == 0:
            nn.utils.clip_grad_norm_(reference.parameters(), 0.5)
            optimizer.step()
            optimizer.zero_grad()
        joint, marginal = mine.scores(bx, z.detach(), "update")
        (-(joint.mean() - (marginal - 1).exp().mean())).backward()
        optimizer_t.step()
        optimizer_t.zero_grad()
        mine.updates += 1
    assert distance(host, reference) <= 1e-3 * distance(plain, reference)


@pytest.mark.parametrize("log_every_n_steps", [1, 10_000])  # apart from the loss, and joined with it
def test_to_minimise_waits_for_t_where_the_value_is_below_zero(tmp_path, log_every_n_steps):
    """Of MINE-f with T at its start, -1/e: what the slope says then is how to run from T."""
    loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(2, (64,))), 16)
    host = Plain(dropout=0.0)
    plain, raised = copy.deepcopy(host), copy.deepcopy(host)
    arguments, terms = {"log_every_n_steps": log_every_n_steps}, []
    for module, bound in ((host, FDivergence()), (raised, Raised())):
        terms.append(MINERegularizer("batch:0", "output:encoder", "minimize", bound=bound, optimizer=sgd))
        trainer(tmp_path, terms[-1], **arguments).fit(module, loader)
    trainer(tmp_path, **arguments).fit(plain, loader)
    assert torch.equal(weights(host), weights(plain))
    assert distance(raised, plain) > 1e-4
    waiting = terms[0].mine  # T ascends all the same
    assert waiting.updates == 4
    assert distance(waiting, MINE(MLPStatistics, (4,), (3,), FDivergence())) > 0


@pytest.mark.parametrize("flip", [False, True])
def test_x_and_z_may_be_swapped(tmp_path, flip):
    """I(x; z) through z alone, spelled as I(z; x) too."""
    captures = {"x": "output:encoder", "z": "batch:0"} if flip else {"x": "batch:0", "z": "output:encoder"}
    callback = MINERegularizer(**captures, direction="maximize", beta=5.0, optimizer=sgd, adaptive_clip=False)
    host, plain = Plain(0.0), None
    plain = copy.deepcopy(host)
    loader = DataLoader(TensorDataset(torch.randn(32, 4), torch.randint(2, (32,))), 16)
    trainer(tmp_path, callback).fit(host, loader)
    trainer(tmp_path).fit(plain, loader)
    assert distance(host.encoder, plain.encoder) > 1e-3


def test_both_may_carry_gradient(tmp_path):
    class ByHand(Plain):
        def training_step(self, batch, batch_idx):
            z = self.encoder(batch[0])
            self.last = z, self.head(z)
            return nn.functional.cross_entropy(self.last[1], batch[1]) + self.term.loss(*self.last)

        def on_train_batch_end(self, outputs, batch, batch_idx):
            self.term.ascend(*self.last)

    callback = MINERegularizer("input:head", "output:head", "maximize", 5.0, optimizer=sgd, adaptive_clip=False)
    host, reference = Plain(0.0), ByHand(0.0)
    plain = copy.deepcopy(host)
    reference.load_state_dict(host.state_dict())
    reference.term = Term(MINE(MLPStatistics, (3,), (2,)), 5.0, "maximize")
    loader = DataLoader(TensorDataset(torch.randn(32, 4), torch.randint(2, (32,))), 16)
    trainer(tmp_path, callback).fit(host, loader)
    for module in (plain, reference):
        trainer(tmp_path).fit(module, loader)
    effect = distance(plain.encoder, reference.encoder)
    assert effect > 1e-4
    assert distance(host.encoder, reference.encoder) <= 1e-3 * effect


class Gaussian(LightningModule):
    """z = w*x + noise with x standard normal: I(x; z) = log(1 + w^2) / 2 nats."""

    def __init__(self, w):
        super().__init__()
        self.encoder = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.encoder.weight, w)
        self.channel = nn.Identity()

    @property
    def true_mi(self):
        return 0.5 * math.log(1 + self.encoder.weight.item() ** 2)

    def training_step(self, batch, batch_idx):
        z = self.channel(self.encoder(batch) + torch.randn_like(batch))
        return 0.0 * z.mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-2)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_true_mutual_information_moves_the_way_that_was_asked(tmp_path, direction):
    host = Gaussian(0.8)
    before = host.true_mi
    callback = MINERegularizer(
        "input:encoder", "output:channel", direction, adaptive_clip=False, optimizer=adam, t_steps=2
    )
    torch.manual_seed(1)
    trainer(tmp_path, callback).fit(host, DataLoader(torch.randn(128 * 60, 1), 128))
    change = host.true_mi - before
    assert change > 0.15 if direction == "maximize" else change < -0.15


class Noisy(nn.Module):
    """A statistics network that draws from the global stream in every call."""

    def __init__(self, x_shape, z_shape):
        super().__init__()
        self.body = MLPStatistics(x_shape, z_shape, input_noise=0.3)

    def forward(self, x, z):
        return nn.functional.dropout(self.body(x, z), 0.1, self.training)


def test_with_beta_zero_the_host_is_bitwise_the_one_without(tmp_path):
    loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(2, (64,))), 16, shuffle=True)
    host = Plain(dropout=0.5)
    plain = copy.deepcopy(host)
    callback = MINERegularizer("batch:0", "output:encoder", "minimize", 0.0, statistics_network=Noisy)
    for module, callbacks in ((host, [callback]), (plain, [])):
        torch.manual_seed(5)
        trainer(tmp_path, *callbacks, max_epochs=2).fit(module, loader)
    assert torch.equal(weights(host), weights(plain))
    assert callback.mine.updates == 8


def test_the_host_keeps_no_trace(tmp_path):
    host = tiny_gan()
    keys = list(host.state_dict())
    run = trainer(tmp_path, term(), enable_checkpointing=True)
    run.fit(host, DataLoader(IMAGES, BATCH))
    run.save_checkpoint(tmp_path / "host.ckpt")
    assert list(host.state_dict()) == keys
    assert hooks_of(host) == []
    saved = torch.load(tmp_path / "host.ckpt", weights_only=True)
    assert list(saved["state_dict"]) == keys
    assert any(key.startswith("MINERegularizer") for key in saved["callbacks"])


def test_hooks_are_gone_after_an_exception(tmp_path):
    class Failing(Plain):
        def training_step(self, batch, batch_idx):
            if batch_idx == 1:
                raise RuntimeError("boom")
            return super().training_step(batch, batch_idx)

    host = Failing()
    loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(2, (64,))), 16)
    with pytest.raises(RuntimeError, match="boom"):
        trainer(tmp_path, MINERegularizer("batch:0", "output:encoder", "minimize")).fit(host, loader)
    assert hooks_of(host) == []


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_resume_at_an_epochs_end_is_bitwise_the_uninterrupted_run(tmp_path, precision):
    def run(epochs, checkpoint=None):
        callback, host = term(optimizer=adam), tiny_gan()
        fit = trainer(tmp_path, SeedEachEpoch(0), callback, max_epochs=epochs, precision=precision)
        fit.fit(host, DataLoader(IMAGES, BATCH), ckpt_path=checkpoint)
        fit.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return host, callback, torch.load(tmp_path / f"{epochs}.ckpt", weights_only=True)

    run(2)
    whole, whole_term, whole_saved = run(4)
    torch.manual_seed(99)  # a new process starts from another random state
    resumed, resumed_term, resumed_saved = run(4, tmp_path / "2.ckpt")
    assert torch.equal(weights(whole), weights(resumed))
    assert torch.equal(weights(whole_term.mine), weights(resumed_term.mine))
    assert torch.equal(whole_term.mine.bound.log_average, resumed_term.mine.bound.log_average)
    assert whole_term.mine.updates == resumed_term.mine.updates == 24
    assert_same(whole_saved["callbacks"], resumed_saved["callbacks"])
    assert_same(whole_saved["optimizer_states"], resumed_saved["optimizer_states"])


def test_held_out_estimate_is_the_bound_on_validation_pairs_and_trains_nothing(tmp_path):
    host = tiny_gan()
    callback = term(held_out=40)
    run = trainer(tmp_path, callback, max_epochs=2)
    run.fit(host, DataLoader(IMAGES, BATCH), DataLoader(IMAGES, BATCH))
    assert callback.mine.updates == 12
    joint, marginal = [], []
    callback.mine.eval()
    with torch.no_grad():
        for number in range(3):  # 48 pairs are the first to reach 40
            latents = host.latents(BATCH, host.device, torch.Generator().manual_seed(number * 2))
            scores = callback.mine.scores(host.generator(latents), latents[:, :2], f"validation {number}")
            joint.append(scores[0])
            marginal.append(scores[1])
    joint, marginal = torch.cat(joint), torch.cat(marginal)
    assert run.callback_metrics["val/mi"].item() == pytest.approx(callback.bound(joint, marginal).item(), abs=1e-6)
    assert run.callback_metrics["val/mi_stderr"] > 0


def test_logs_the_estimate_the_norms_and_the_factor(tmp_path):
    run = trainer(tmp_path, term(name="code"))
    run.fit(tiny_gan(), DataLoader(IMAGES, BATCH))
    assert {f"mine/code/{key}" for key in ("mi", "g_u", "g_m", "clip")} <= run.callback_metrics.keys()


def test_more_partners_more_updates_and_a_finished_network_are_accepted(tmp_path):
    network = ConvStatistics((3, 8, 8), (2,), channels=(4,), hidden=8)
    callback = term(statistics_network=network, pairing=Derangements(3), t_steps=2)
    fit_gan(tmp_path, callback)
    assert isinstance(callback.mine.statistics_network, ConvStatistics)
    assert callback.mine.updates == 2 * STEPS


def test_a_finished_network_is_where_every_run_starts_from(tmp_path):
    network = ConvStatistics((3, 8, 8), (2,), channels=(4,), hidden=8)
    before = weights(network)
    ends = []
    for _ in range(2):
        callback = term(statistics_network=network)
        fit_gan(tmp_path, callback)
        ends.append(weights(callback.mine.statistics_network))
    assert torch.equal(weights(network), before)
    assert torch.equal(*ends)
    assert not torch.equal(ends[0], before)


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
def test_a_host_may_skip_batches(tmp_path):
    class Skipping(Plain):
        def training_step(self, batch, batch_idx):
            return None if batch_idx in (0, 2) else super().training_step(batch, batch_idx)

    callback = MINERegularizer("batch:0", "output:encoder", "minimize")
    loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(2, (64,))), 16)
    trainer(tmp_path, callback).fit(Skipping(), loader)
    assert callback.mine.updates == 2


class TermAlone(Plain):
    """An auxiliary head that nothing but the term reaches."""

    def __init__(self):
        super().__init__(dropout=0.0)
        self.aux = nn.Linear(3, 2, bias=False)

    def training_step(self, batch, batch_idx):
        z = self.encoder(batch[0])
        self.aux(z.detach())
        return nn.functional.cross_entropy(self.head(z), batch[1])


def test_accumulation_keeps_every_micro_batch_of_what_the_term_alone_reaches(tmp_path):
    host, x, y = TermAlone(), torch.randn(64, 4), torch.randint(2, (64,))
    before = host.aux.weight.detach().clone()
    callback = MINERegularizer("batch:0", "output:aux", "maximize", 1.0, False, bound=FDivergence(), optimizer=_frozen)
    reference = MINE(MLPStatistics, (4,), (2,), FDivergence())
    encoder = copy.deepcopy(host.encoder)
    trainer(tmp_path, callback, accumulate_grad_batches=4).fit(host, DataLoader(TensorDataset(x, y), 16))
    weight = before.clone().requires_grad_()
    total = 0.0
    for number, part in enumerate(x.split(16)):
        reference.updates = number
        joint, marginal = reference.scores(part, encoder(part).detach() @ weight.T)
        total = total + (joint.mean() - (marginal - 1).exp().mean()) / 4
    total.backward()
    torch.testing.assert_close(host.aux.weight - before, 0.1 * weight.grad, rtol=1e-3, atol=1e-8)


def _frozen(parameters):
    return torch.optim.SGD(parameters, lr=0.0)


def test_a_generator_that_trains_every_other_batch_is_no_error(tmp_path):
    class Rare(Plain):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch, batch_idx):
            if batch_idx % 2 == 0:
                return
            loss = super().training_step(batch, batch_idx)
            self.optimizers().zero_grad()
            self.manual_backward(loss)
            self.optimizers().step()

    callback = MINERegularizer("batch:0", "output:encoder", "minimize")
    loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(2, (64,))), 16)
    trainer(tmp_path, callback).fit(Rare(), loader)
    assert callback.mine.updates == 2


def test_labels_and_double_data_are_fine(tmp_path):
    x, y = torch.randn(32, 4).double(), torch.randint(2, (32,))

    class Casting(Plain):
        def training_step(self, batch, batch_idx):
            return super().training_step((batch[0].float(), batch[1]), batch_idx)

    for captures in (("batch:1", "output:encoder"), ("batch:0", "output:encoder")):
        trainer(tmp_path, MINERegularizer(*captures, direction="minimize")).fit(
            Casting(), DataLoader(TensorDataset(x, y), 16)
        )


def test_two_instances_need_two_names(tmp_path):
    loader = DataLoader(TensorDataset(torch.randn(8, 4), torch.randint(2, (8,))), 4)
    pair = [MINERegularizer("batch:0", f"output:{part}", "minimize") for part in ("encoder", "head")]
    with pytest.raises(InputError, match="Expected 2 MINERegularizers on one model to have different names"):
        trainer(tmp_path, *pair).fit(Plain(), loader)


def test_another_statistics_network_on_resume_is_told(tmp_path):
    loader = DataLoader(IMAGES, BATCH)
    run = trainer(tmp_path, term())
    run.fit(tiny_gan(), loader)
    run.save_checkpoint(tmp_path / "a.ckpt")
    with pytest.raises(InputError, match="Expected the statistics network and optimizer that the checkpoint"):
        trainer(tmp_path, term(statistics_network=MLPStatistics), max_epochs=2).fit(
            tiny_gan(), loader, ckpt_path=tmp_path / "a.ckpt"
        )


class RawOptimizer(Plain):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers(use_pl_optimizer=False)
        loss = super().training_step(batch, batch_idx)
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()


class OffTheLoss(TermAlone):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.optimizers().zero_grad()
        self.manual_backward(loss)
        self.optimizers().step()


def test_a_loss_off_x_and_z_is_told(tmp_path):
    callback = MINERegularizer("batch:0", "output:aux", "minimize")
    loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(2, (64,))), 16)
    with pytest.warns(UserWarning, match="no effect on OffTheLoss so far: no backward has run through 'batch:0' or"):
        trainer(tmp_path, callback).fit(OffTheLoss(), loader)


class PlainBackward(RawOptimizer):
    def training_step(self, batch, batch_idx):
        Plain.training_step(self, batch, batch_idx).backward()
        self.optimizers().step()


@pytest.mark.parametrize(
    ("host", "captures", "message"),
    [
        (Plain, {"x": "batch:0", "z": "output:encodr"}, r"did you mean output:encoder\?"),
        (Plain, {"x": "batch:0", "z": "batch:1"}, "neither 'batch:0' nor 'batch:1' carries a gradient"),
        (Plain, {"x": "batch:0", "z": "output:unused"}, "'output:unused' to be seen in the first batches"),
        (RawOptimizer, {"x": "batch:0", "z": "output:encoder", "adaptive_clip": True}, "not with a raw optimizer"),
        (PlainBackward, {"x": "batch:0", "z": "output:encoder"}, "a backward that Lightning did not see ran through"),
    ],
)
def test_what_is_off_is_told_after_the_first_batch(tmp_path, host, captures, message):
    module = host()
    module.unused = nn.Identity()
    loader = DataLoader(TensorDataset(torch.randn(64, 4), torch.randint(2, (64,))), 16)
    with pytest.raises(InputError, match=message):
        trainer(tmp_path, MINERegularizer(**captures, direction="minimize")).fit(module, loader)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"direction": "up"}, "Expected direction 'maximize' or 'minimize' but got 'up'"),
        ({"direction": "minimize", "beta": -1.0}, "Expected finite beta >= 0"),
        ({"direction": "minimize", "t_steps": 0}, "t_steps >= 1"),
        ({"direction": "minimize", "beta": float("nan")}, "Expected finite beta >= 0, .* but got nan"),
        ({"direction": "minimize", "seed": -1}, "seed >= 0 but got -1"),
        ({"direction": "minimize", "held_out": -1}, "held_out >= 0 but got -1"),
        ({"direction": "minimize", "name": ["a"]}, r"Expected name to be a word .* but got \['a'\]"),
        ({"direction": "minimize", "adaptive_clip": "yes"}, "adaptive_clip true, false or None but got .* and 'yes'"),
        ({"direction": "minimize", "bound": InfoNCE}, r"bound to be a bound .* but got .*; write InfoNCE\(\)"),
        ({"direction": "minimize", "pairing": Derangements}, r"pairing to be a pairing .*; write Derangements\(\)"),
        ({"direction": "minimize", "optimizer": "adam"}, "optimizer to be a callable .* but got 'adam'; give one"),
        ({"direction": "minimize", "statistics_network": 3}, "statistics_network to be a module or .* but got 3"),
        ({"direction": "minimize", "t_steps": 2.0}, "t_steps to be a whole number but got 2.0"),
        ({"direction": "minimize", "held_out": None}, "held_out to be a whole number but got None"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    with pytest.raises(InputError, match=message):
        MINERegularizer("batch:0", "output:encoder", **arguments)


def test_numbers_may_be_numpys():
    assert MINERegularizer("batch:0", "output:encoder", "minimize", t_steps=np.int64(2)).t_steps == 2


@pytest.mark.parametrize(("direction", "clips"), [("maximize", True), ("minimize", False)])
def test_it_clips_by_default_where_the_term_has_no_upper_end(direction, clips):
    assert MINERegularizer("batch:0", "output:encoder", direction).adaptive_clip is clips
    assert MINERegularizer("batch:0", "output:encoder", direction, adaptive_clip=not clips).adaptive_clip is not clips


def test_direction_has_no_default():
    with pytest.raises(TypeError, match="direction"):
        MINERegularizer("batch:0", "output:encoder")


def test_scores_of_a_wrong_shape_are_told(tmp_path):
    class Column(MLPStatistics):
        def forward(self, x, z):
            return super().forward(x, z)[:, None]

    loader = DataLoader(TensorDataset(torch.randn(8, 4), torch.randint(2, (8,))), 4)
    with pytest.raises(InputError, match=r"scores of shape \[8\] for DonskerVaradhan but got \[8, 1\]; squeeze"):
        trainer(tmp_path, MINERegularizer("batch:0", "output:encoder", "minimize", statistics_network=Column)).fit(
            Plain(), loader
        )


def test_a_value_near_what_the_batch_can_show_is_told_while_it_trains(tmp_path):
    """I(z; z) is infinite, a batch of 8 can show 2.1 nats."""
    bound = DonskerVaradhan(rate=0.05)
    callback = MINERegularizer("input:channel", "output:channel", "minimize", 0.0, bound=bound)
    with pytest.warns(
        UserWarning, match="mine/mi is .* near 2.08, the most that the 8 marginal scores of a batch can show"
    ):
        trainer(tmp_path, callback).fit(Gaussian(1.0), DataLoader(torch.randn(8 * 600, 1), 8))


def test_a_module_that_runs_twice_a_step_is_told(tmp_path):
    class Siamese(Plain):
        def training_step(self, batch, batch_idx):
            return (self.encoder(batch[0]) - self.encoder(batch[0].flip(1))).square().mean()

    loader = DataLoader(TensorDataset(torch.randn(32, 4), torch.randint(2, (32,))), 16)
    with pytest.warns(UserWarning, match="'output:encoder' was captured 2 times before one backward"):
        trainer(tmp_path, MINERegularizer("batch:0", "output:encoder", "minimize")).fit(Siamese(), loader)


@pytest.mark.parametrize("x", [1, None, ["batch:0", 2], {"batch:0"}])
def test_what_is_no_capture_is_refused_where_it_is_written(x):
    with pytest.raises(
        InputError, match=r"Expected x and z to be capture strings, or lists of them, and beta a number"
    ):
        MINERegularizer(x, "output:encoder", "maximize")


def test_a_list_of_one_is_that_one_in_checkpoints_too():
    one, listed = (MINERegularizer(x, "output:encoder", "maximize") for x in ("batch:", ["batch:"]))
    assert one.state_key == listed.state_key
