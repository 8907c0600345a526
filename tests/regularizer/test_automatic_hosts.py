"""Hosts under automatic optimisation against the same host with the term in its loss, by hand."""

import itertools
from functools import partial

import pytest
import torch
import torch._functorch.config as config
from by_hand import Classifier, StyledGAN, Term
from cases import conv, difference, sgd, small_mlp, trainer
from pytorch_lightning import Callback
from pytorch_lightning.plugins.precision import MixedPrecision
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.regularizer.callback import MINERegularizer

stream = torch.Generator().manual_seed(2)
DATA = TensorDataset(torch.randn(128, 4, generator=stream), torch.randint(2, (128,), generator=stream))
BETA = 0.5
NORMS_LOGGED, NEVER_LOGGED = 1, 10_000  # log_every_n_steps: where norms are logged the two gradients are taken apart


def regularizer(**arguments):
    defaults = {"statistics_network": small_mlp, "optimizer": sgd, "beta": BETA, "adaptive_clip": False}
    return MINERegularizer("batch:0", "output:encoder", "maximize", **{**defaults, **arguments})


def by_hand(dtype=torch.float32):
    return Term(MINE(small_mlp, (4,), (3,)).to(dtype), BETA, "maximize")


def fit(tmp_path, *callbacks, term=None, host=None, change=None, **arguments):
    torch.manual_seed(0)
    module = (host or Classifier)(term)
    if change is not None:
        module = change(module)
    loader = DataLoader(DATA, 16)
    trainer(tmp_path, *callbacks, **arguments).fit(module, loader)
    return getattr(module, "_orig_mod", module)


def compare(tmp_path, tolerance=1e-4, dtype=torch.float32, host=None, plugins=lambda: None, change=None, **arguments):
    """Compare host and T with the reference; ``plugins`` makes new ones for each fit, ``change`` alters the host."""
    common = {"host": host, **arguments}
    plain = fit(tmp_path, plugins=plugins(), **common)
    term = by_hand(dtype)
    reference = fit(tmp_path, term=term, plugins=plugins(), **common)
    callback = regularizer()
    found = fit(tmp_path, callback, plugins=plugins(), change=change, **common)
    effect = difference(plain, reference)
    assert effect > 1e-4
    assert difference(found, reference) <= tolerance * effect
    moved = difference(MINE(small_mlp, (4,), (3,)).to(dtype), term.mine)
    assert difference(callback.mine, term.mine) <= max(tolerance, 1e-3) * moved
    return found


@pytest.mark.parametrize("interval", [NORMS_LOGGED, NEVER_LOGGED])
@pytest.mark.parametrize(("accumulate", "clip"), itertools.product([1, 2], [None, 0.3]))
def test_accumulation_and_clipping_by_the_trainer(tmp_path, accumulate, clip, interval):
    compare(
        tmp_path, accumulate_grad_batches=accumulate, gradient_clip_val=clip, log_every_n_steps=interval, max_epochs=2
    )


def test_both_ways_to_the_gradient_are_taken(tmp_path):
    callback = regularizer()
    run = trainer(tmp_path, callback, log_every_n_steps=4)
    apart = []
    add = callback._delivery.store.add
    callback._delivery.store.add = lambda share: (apart.append(run.global_step), add(share))
    run.fit(Classifier(), DataLoader(DATA, 16))
    assert apart == [3, 7]
    assert {"mine/g_u", "mine/g_m", "mine/clip"} <= run.callback_metrics.keys()


@pytest.mark.parametrize("interval", [NORMS_LOGGED, NEVER_LOGGED])
def test_double_precision(tmp_path, interval):
    found = compare(tmp_path, 1e-9, torch.float64, precision="64-true", log_every_n_steps=interval)
    assert found.encoder[0].weight.dtype == torch.float64


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_bfloat16_joined_with_the_loss_is_bitwise_the_loss_by_hand(tmp_path, precision):
    compare(tmp_path, 0.0, precision=precision, log_every_n_steps=NEVER_LOGGED)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_log_mean_exp_and_moving_average_stay_in_float32(tmp_path, precision):
    callback = regularizer()
    host = fit(tmp_path, callback, precision=precision)
    assert host.encoder[0].weight.dtype == (torch.bfloat16 if precision == "bf16-true" else torch.float32)
    assert {parameter.dtype for parameter in callback.mine.parameters()} == {torch.float32}
    assert callback.bound.log_average.dtype == torch.float32


def scaler_plugin(**arguments):
    # '16-mixed' on a CPU silently turns into bfloat16: the plugin with its scaler is built by hand
    return MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", **{"init_scale": 1024.0, **arguments}))


@pytest.mark.parametrize("interval", [NORMS_LOGGED, NEVER_LOGGED])
# Lightning refuses to clip for an optimizer that unscales its gradients itself, as fused ones do
@pytest.mark.parametrize(("accumulate", "clip", "fused"), [(1, None, False), (2, 0.3, False), (1, None, True)])
def test_loss_scaler(tmp_path, accumulate, clip, fused, interval):
    plugin = scaler_plugin()
    assert plugin.scaler is not None
    optimizer = partial(torch.optim.SGD, lr=0.1, fused=fused)
    compare(
        tmp_path,
        # apart, the two gradients are rounded to half precision one by one, joined as their sum
        0.0 if interval == NEVER_LOGGED else 0.05,
        host=partial(Classifier, optimizer=optimizer),
        plugins=scaler_plugin,
        accumulate_grad_batches=accumulate,
        gradient_clip_val=clip,
        log_every_n_steps=interval,
    )


def test_loss_scaler_with_fused_adam_moves_as_without_the_scaler(tmp_path):
    """Fused Adam gets scaled gradients: a share that was not scaled too would be a 1024th of the term."""
    host = partial(Classifier, optimizer=partial(torch.optim.Adam, lr=1e-3, fused=True))
    arguments = {"host": host, "log_every_n_steps": NORMS_LOGGED}
    plain, found = (fit(tmp_path, *term, plugins=scaler_plugin(), **arguments) for term in ((), (regularizer(),)))
    reference = fit(tmp_path, regularizer(), **arguments)
    assert difference(found, reference) <= 0.05 * difference(plain, reference)


@pytest.mark.parametrize("fused", [False, True])
def test_a_clip_that_binds_is_the_same_with_a_loss_scaler(tmp_path, fused):
    host = partial(Classifier, optimizer=partial(torch.optim.SGD, lr=0.1, fused=fused))
    arguments = {"host": host, "log_every_n_steps": NORMS_LOGGED}
    term = partial(regularizer, beta=50.0, adaptive_clip=True)
    plain = fit(tmp_path, plugins=scaler_plugin(), **arguments)
    found = fit(tmp_path, term(), plugins=scaler_plugin(), **arguments)
    reference = fit(tmp_path, term(), **arguments)
    assert difference(found, reference) <= 0.1 * difference(plain, reference)


@pytest.mark.parametrize("interval", [NORMS_LOGGED, NEVER_LOGGED])
def test_an_overflow_skips_the_step_and_leaves_everything_finite(tmp_path, interval):
    plugin = scaler_plugin(init_scale=2.0**40, growth_interval=10_000)
    callback = regularizer()
    host = fit(tmp_path, callback, plugins=plugin, max_epochs=6, log_every_n_steps=interval)
    torch.manual_seed(0)
    assert plugin.scaler.get_scale() < 2.0**40  # it did overflow
    assert 0 < difference(host, Classifier()) < 10
    assert all(parameter.isfinite().all() for module in (host, callback.mine) for parameter in module.parameters())


def test_gan_with_a_loss_scaler(tmp_path):
    images = torch.rand(96, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1

    def train(term=None, *callbacks):
        torch.manual_seed(0)
        host = StyledGAN("toggled", term)
        trainer(tmp_path, *callbacks, plugins=scaler_plugin()).fit(host, DataLoader(images, 16))
        return host

    term = Term(MINE(conv, (3, 8, 8), (2,)), 1.0, "maximize", adaptive=True)
    captures = ("output:generator", "input:generator[:, :2]", "maximize")
    plain = train()
    # by hand in single precision, from which half is some percent of the effect away; a share that was not scaled, or
    # scaled twice, would be all of it
    torch.manual_seed(0)
    reference = StyledGAN("toggled", term)
    trainer(tmp_path).fit(reference, DataLoader(images, 16))
    found = train(None, MINERegularizer(*captures, statistics_network=conv, optimizer=sgd))
    assert difference(found, reference) <= 0.2 * difference(plain, reference)


@pytest.mark.parametrize("interval", [NORMS_LOGGED, NEVER_LOGGED])
def test_lbfgs(tmp_path, interval):
    optimizer = partial(torch.optim.LBFGS, lr=0.1, max_iter=4)
    compare(tmp_path, 1e-2, host=partial(Classifier, optimizer=optimizer), log_every_n_steps=interval)


def whole(host, backend):
    return torch.compile(host, backend=backend)


def method(host, backend):
    host.encoder.compile(backend=backend)
    return host


def submodule(host, backend):
    host.encoder = torch.compile(host.encoder, backend=backend)
    return host


WAYS = [
    (submodule, "inductor"),
    (method, "aot_eager"),  # the same graphs, without a C++ compiler's seconds
    (whole, "aot_eager"),
    *(pytest.param(how, "inductor", marks=pytest.mark.slow) for how in (method, whole)),
]


@pytest.mark.parametrize("interval", [NORMS_LOGGED, NEVER_LOGGED])
@pytest.mark.parametrize(("how", "backend"), WAYS)
def test_compiled_hosts(tmp_path, how, backend, interval):
    compare(tmp_path, 1e-3, change=partial(how, backend=backend), log_every_n_steps=interval)


@pytest.mark.parametrize("interval", [NORMS_LOGGED, NEVER_LOGGED])
def test_activation_checkpoint(tmp_path, interval):
    run = partial(checkpoint, use_reentrant=False)
    compare(tmp_path, host=partial(Classifier, checkpoint=run), log_every_n_steps=interval)


def test_reentrant_activation_checkpoint_is_refused(tmp_path):
    class Reentrant(Classifier):
        def training_step(self, batch, batch_idx):
            batch[0].requires_grad_()
            return super().training_step(batch, batch_idx)

    host = Reentrant(checkpoint=partial(checkpoint, use_reentrant=True))
    with pytest.raises(InputError, match=r"'output:encoder' .* passes a reentrant activation checkpoint"):
        trainer(tmp_path, regularizer()).fit(host, DataLoader(DATA, 16))
    callback = MINERegularizer("batch:1", "output:head", "minimize", statistics_network=small_mlp)
    with pytest.raises(InputError, match="passes a reentrant activation checkpoint"):
        trainer(tmp_path, callback).fit(host, DataLoader(DATA, 16))


def test_compiled_hosts_keep_their_buffers_while_it_trains_and_no_longer(tmp_path):
    """torch._functorch.config.donated_buffer: with it a compiled graph may be walked once alone."""

    class Look(Callback):
        def on_train_batch_end(self, *arguments):
            seen.append(config.donated_buffer)

    seen = []
    assert config.donated_buffer
    fit(tmp_path, regularizer(), Look())
    assert seen == [False] * 8
    assert config.donated_buffer
    with pytest.raises(InputError):
        fit(tmp_path, MINERegularizer("batch:0", "batch:1", "minimize"))
    assert config.donated_buffer
