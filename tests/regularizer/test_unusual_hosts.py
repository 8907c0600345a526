"""Hosts that are right but unlike the others: what they hold, how they call it, and when."""

import copy
import pickle
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from by_hand import Classifier, Term
from cases import Plain, difference, sgd, small_mlp, trainer, weights
from pytorch_lightning.callbacks import BackboneFinetuning
from pytorch_lightning.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from pytorch_lightning.utilities import CombinedLoader
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.regularizer.monitor import MIMonitor

stream = torch.Generator().manual_seed(2)
X, Y = torch.randn(64, 4, generator=stream), torch.randint(2, (64,), generator=stream)


def loader(batch=16):
    return DataLoader(TensorDataset(X, Y), batch)


def regularizer(z="output:encoder", x="batch:0", **arguments):
    defaults = {"beta": 0.5, "statistics_network": small_mlp, "optimizer": sgd, "adaptive_clip": False}
    return MINERegularizer(x, z, "maximize", **{**defaults, **arguments})


def fit(tmp_path, host, *callbacks, **arguments):
    torch.manual_seed(0)
    module = host()
    trainer(tmp_path, *callbacks, **arguments).fit(module, loader())
    return module


def compare(tmp_path, host, callback, **arguments):
    """Compare with the same host that has the term in its loss."""
    term = Term(MINE(small_mlp, (4,), (3,)), 0.5, "maximize")
    reference = fit(tmp_path, partial(host, term), **arguments)
    plain, found = fit(tmp_path, host, **arguments), fit(tmp_path, host, callback, **arguments)
    effect = difference(plain, reference)
    assert effect > 1e-5
    assert difference(found, reference) <= 1e-3 * effect


class Manual(Classifier):
    """Manual optimisation; the code comes in a dict."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, x):
            return {"mu": self.linear(x)}

    def __init__(self, term=None):
        super().__init__(term)
        self.automatic_optimization, self.encoder = False, self.Encoder()

    def training_step(self, batch, batch_idx):
        z = self.encoder(batch[0])["mu"]
        loss = cross_entropy(self.head(z), batch[1])
        if self.term is not None:
            loss, self.last = loss + self.term.loss(batch[0], z), (batch[0], z)
        self.optimizers().zero_grad()
        self.manual_backward(loss)
        self.optimizers().step()


def test_a_code_within_a_dict_under_manual_optimisation(tmp_path):
    compare(tmp_path, Manual, regularizer("output:encoder['mu']"))


class Probabilistic(Classifier):
    """The encoder returns a distribution, of which the head gets a draw."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 6)

        def forward(self, x):
            mean, log_std = self.linear(x).chunk(2, dim=1)
            return torch.distributions.Independent(torch.distributions.Normal(mean, log_std.exp()), 1)

    def __init__(self, moment, manual=False, term=None):
        super().__init__(term)
        self.automatic_optimization = not manual
        self.moment, self.encoder = moment, self.Encoder()

    def training_step(self, batch, batch_idx):
        code = self.encoder(batch[0])
        loss = cross_entropy(self.head(code.rsample()), batch[1])
        if self.term is not None:
            self.last = (batch[0], getattr(code, self.moment))
            loss = loss + self.term.loss(*self.last)
        if self.automatic_optimization:
            return loss
        self.optimizers().zero_grad()
        self.manual_backward(loss)
        return self.optimizers().step()


@pytest.mark.parametrize("interval", [1, 1000])
@pytest.mark.parametrize("manual", [False, True])
@pytest.mark.parametrize("moment", ["mean", "variance"])  # one that it holds, and one that it computes when asked
def test_a_code_that_is_a_distribution(tmp_path, moment, manual, interval):
    host, capture = partial(Probabilistic, moment, manual), f"output:encoder['{moment}']"
    compare(tmp_path, lambda term=None: host(term=term), regularizer(capture), log_every_n_steps=interval)


class Spectral(Classifier):
    """Complex weights."""

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.filter = nn.Linear(4, 4), nn.Parameter(torch.randn(3, dtype=torch.cfloat))
            self.last = nn.Linear(4, 3)

        def forward(self, x):
            return self.last(torch.fft.irfft(torch.fft.rfft(self.first(x)) * self.filter, n=4))

    def __init__(self, term=None):
        super().__init__(term)
        self.encoder = self.Encoder()


@pytest.mark.parametrize("interval", [1, 1000])
def test_complex_weights(tmp_path, interval):
    compare(tmp_path, Spectral, regularizer(), log_every_n_steps=interval)


def test_a_complex_code_is_refused(tmp_path):
    class Complex(Classifier):
        def training_step(self, batch, batch_idx):
            self.code = torch.fft.rfft(self.encoder(batch[0]))
            return self.code.abs().mean()

    with pytest.raises(InputError, match="Expected 'attr:code' to be real but it is complex"):
        fit(tmp_path, Complex, regularizer("attr:code"))


class Clipping(Classifier):
    """Clips in a hook of its own."""

    def on_after_backward(self):
        nn.utils.clip_grad_norm_(self.parameters(), 0.05)


@pytest.mark.parametrize("interval", [1, 1000])
def test_what_a_host_does_to_its_gradients_it_does_to_the_sum(tmp_path, interval):
    compare(tmp_path, Clipping, regularizer(), log_every_n_steps=interval)


class Unregistered(Classifier):
    """A part of the encoder is in a plain list, which the optimizer knows and the module does not."""

    def __init__(self, term=None):
        super().__init__(term)
        self.hidden = [nn.Linear(4, 4)]

    def forward(self, x):
        return self.encoder(self.hidden[0](x))

    def training_step(self, batch, batch_idx):
        z = self(batch[0])
        loss = cross_entropy(self.head(z), batch[1])
        if self.term is not None:
            loss, self.last = loss + self.term.loss(batch[0], z), (batch[0], z)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD([*self.parameters(), *self.hidden[0].parameters()], lr=0.1)


def test_parameters_that_only_the_optimizer_knows(tmp_path):
    term = Term(MINE(small_mlp, (4,), (3,)), 0.5, "maximize")
    arguments = {"log_every_n_steps": 1}
    reference = fit(tmp_path, partial(Unregistered, term), **arguments).hidden[0]
    plain = fit(tmp_path, Unregistered, **arguments).hidden[0]
    found = fit(tmp_path, Unregistered, regularizer(), **arguments).hidden[0]
    assert difference(found, reference) <= 1e-3 * difference(plain, reference)


class Sparse(Classifier):
    """Embeddings with sparse gradients."""

    def __init__(self, term=None):
        super().__init__(term)
        self.encoder = nn.EmbeddingBag(10, 3, sparse=True)

    def training_step(self, batch, batch_idx):
        z = self.encoder((batch[0] * 2).long().clamp(0, 9))
        loss = cross_entropy(self.head(z), batch[1])
        if self.term is not None:
            loss, self.last = loss + self.term.loss(batch[0], z), (batch[0], z)
        return loss


@pytest.mark.parametrize("interval", [1, 1000])
def test_sparse_gradients(tmp_path, interval):
    compare(tmp_path, Sparse, regularizer(), log_every_n_steps=interval)
    clipped = fit(tmp_path, Sparse, regularizer(adaptive_clip=True), log_every_n_steps=interval)
    assert weights(clipped).isfinite().all()


class Teacher(Classifier):
    """A copy of the encoder, made while training runs, runs after it."""

    def on_train_start(self):
        self.__dict__["teacher"] = copy.deepcopy(self.encoder)

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        self.teacher(batch[0])
        return loss


def test_a_copy_of_the_captured_module_is_not_it(tmp_path):
    compare(tmp_path, Teacher, regularizer())


class Auto(Classifier):
    """Latents are parameters: z is a leaf."""

    def __init__(self, term=None):
        super().__init__(term)
        self.latents = nn.Parameter(torch.randn(16, 3))

    def training_step(self, batch, batch_idx):
        loss = cross_entropy(self.head(self.latents), batch[1])
        if self.term is not None:
            loss, self.last = loss + self.term.loss(batch[0], self.latents), (batch[0], self.latents)
        return loss


@pytest.mark.parametrize("z", ["attr:latents", "input:head"])
def test_a_code_that_is_a_parameter(tmp_path, z):
    compare(tmp_path, Auto, regularizer(z))


class Features(Classifier):
    """x are features of a backbone that runs without gradients."""

    def __init__(self, term=None):
        super().__init__(term)
        self.backbone = nn.Linear(4, 4)

    def training_step(self, batch, batch_idx):
        with torch.no_grad():
            features = self.backbone(batch[0])
        return super().training_step((features, batch[1]), batch_idx)

    def validation_step(self, batch, batch_idx):
        self.training_step(batch, batch_idx)


def test_features_that_carry_no_gradient(tmp_path):
    compare(tmp_path, Features, regularizer(x="output:backbone"))
    monitor = MIMonitor(["output:backbone"], "batch:0", "batch:1", 2, small_mlp)
    run = trainer(tmp_path, monitor)
    run.fit(Features(), loader(), loader())
    assert {"val/backbone/x_mi", "val/backbone/y_mi"} <= run.callback_metrics.keys()


class Thawed(Classifier):
    def __init__(self, term=None):
        super().__init__(term)
        self.backbone = self.encoder

    def configure_optimizers(self):
        return torch.optim.SGD(self.head.parameters(), lr=0.1)


def test_a_backbone_that_thaws_later(tmp_path):
    callback = regularizer("output:backbone")
    with pytest.warns(UserWarning, match="the term has had no effect on Thawed so far"):
        host = fit(tmp_path, Thawed, BackboneFinetuning(2, verbose=False), callback, max_epochs=3)
    alone = fit(tmp_path, Thawed, BackboneFinetuning(2, verbose=False), max_epochs=3)
    assert difference(host.encoder, alone.encoder) > 1e-5


def test_a_critic_may_train_alone_for_a_short_epoch(tmp_path):
    class Critic(Manual):
        def training_step(self, batch, batch_idx):
            with torch.no_grad():
                z = self.encoder(batch[0])["mu"]
            self.manual_backward(cross_entropy(self.head(z), batch[1]))

    with pytest.warns(UserWarning, match="no effect on Critic so far"):
        fit(tmp_path, Critic, regularizer("output:encoder['mu']"))


class Frozen(Classifier):
    def configure_optimizers(self):
        return torch.optim.SGD(self.head.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("host", "batch", "message"),
    [(Frozen, 16, "no optimizer of Frozen has a parameter"), (Classifier, 1, "every batch had one sample")],
)
def test_a_term_without_effect_is_told(tmp_path, host, batch, message):
    with pytest.warns(UserWarning, match=message):
        trainer(tmp_path, regularizer()).fit(host(), loader(batch))


def test_a_batch_that_is_one_tensor_has_no_entries(tmp_path):
    with pytest.raises(InputError, match=r"for 'batch:0' but it is one tensor of shape \[16, 4\]; give 'batch:'"):
        trainer(tmp_path, regularizer()).fit(Classifier(), DataLoader(X, 16))


def test_the_same_callback_on_another_model_is_told(tmp_path):
    callback = regularizer()
    fit(tmp_path, Classifier, callback)
    with pytest.warns(UserWarning, match="T goes on from another model than this Classifier"):
        fit(tmp_path, Classifier, callback)


def test_a_bound_given_to_two_has_an_average_for_each():
    bound = DonskerVaradhan()
    first, second = regularizer(bound=bound), regularizer(bound=bound)
    assert len({id(bound), id(first.bound), id(second.bound)}) == 3


def test_it_can_be_sent_to_another_process_before_and_after_a_fit(tmp_path):
    callback = MINERegularizer("batch:0", "output:encoder", "minimize")
    pickle.loads(pickle.dumps(callback))
    fit(tmp_path, Plain, callback)  # Lightning leaves the host's log() on every callback, so that it goes along
    sent = pickle.loads(pickle.dumps(callback))
    assert torch.equal(weights(sent.mine), weights(callback.mine))


@pytest.mark.parametrize("strategy", [FSDPStrategy, DeepSpeedStrategy, ModelParallelStrategy])
def test_a_strategy_that_cuts_parameters_up_is_refused_by_name(strategy):
    run = SimpleNamespace(strategy=object.__new__(strategy), callbacks=[])
    with pytest.raises(InputError, match=f"but got {strategy.__name__}; MINERegularizer works with 'auto', 'ddp'"):
        regularizer().setup(run, Classifier(), "fit")


def test_a_plain_backward_in_a_later_batch_is_refused(tmp_path):
    class Late(Manual):
        def training_step(self, batch, batch_idx):
            if batch_idx < 2:
                return super().training_step(batch, batch_idx)
            cross_entropy(self.head(self.encoder(batch[0])["mu"]), batch[1]).backward()
            self.optimizers().step()
            return None

    with pytest.raises(InputError, match="a backward that Lightning did not see ran through the captured tensors"):
        fit(tmp_path, Late, regularizer("output:encoder['mu']"))


class Quartered(Classifier):
    def backward(self, loss):
        (loss * 0.25).backward()


def test_a_host_with_a_backward_of_its_own_gets_one_term_in_every_batch(tmp_path):
    logged, not_logged = (
        fit(tmp_path, Quartered, regularizer(beta=5.0), log_every_n_steps=interval) for interval in (1, 1000)
    )
    assert difference(logged, not_logged) < 1e-6 < 1e-3 < difference(logged, fit(tmp_path, Quartered))


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_the_hosts_norm_is_without_the_other_terms_share(tmp_path, names):
    run = trainer(tmp_path, *(regularizer(name=name, beta=5.0, seed=ord(name)) for name in names), log_every_n_steps=1)
    run.fit(Classifier(), loader())
    a, b = (run.callback_metrics[f"mine/{name}/g_u"].item() for name in "ab")
    assert run.callback_metrics["mine/a/g_m"] > 0.1 * a
    assert a == pytest.approx(b, rel=1e-5)


class Accumulates(Classifier):
    """Notes the gradient that each step takes; the term acts in the first half of every sum."""

    def on_train_batch_start(self, batch, batch_idx):
        (callback,) = (c for c in self.trainer.callbacks if isinstance(c, MINERegularizer))
        callback.beta = 5.0 if batch_idx % 2 == 0 else 0.0


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_beta_that_falls_to_zero_within_an_accumulation_loses_nothing(tmp_path, adaptive):
    found, plain = (
        fit(tmp_path, host, regularizer(beta=beta, adaptive_clip=adaptive), accumulate_grad_batches=2)
        for host, beta in ((Accumulates, 5.0), (Classifier, 0.0))
    )
    assert difference(found, plain) > 1e-3


@pytest.mark.filterwarnings("ignore:.output.encoder. was captured 2 times")  # the newest call is the one that is meant
def test_a_loader_that_ends_before_another(tmp_path):
    class Both(Classifier):
        def training_step(self, batch, batch_idx):
            loss = super().training_step(batch["all"], batch_idx)
            return loss if batch["some"] is None else loss + self.encoder(batch["some"][0]).square().mean()

    both = CombinedLoader({"all": loader(8), "some": loader(32)}, "max_size")
    callback = regularizer(x="batch:some[0]")
    run = trainer(tmp_path, callback)
    run.fit(Both(), both)
    assert (run.global_step, callback.mine.updates) == (8, 2)


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
def test_a_host_that_skips_its_first_epoch(tmp_path):
    class Late(Classifier):
        def training_step(self, batch, batch_idx):
            loss = super().training_step(batch, batch_idx)
            return loss if self.current_epoch else None

    callback = regularizer()
    fit(tmp_path, Late, callback, max_epochs=2)
    assert callback.mine.updates >= 4


class Following(Classifier):
    """A target network follows the encoder; no optimizer has it, and the loss has no gradient for it."""

    def __init__(self, raw=False):
        super().__init__()
        self.target, self.raw = copy.deepcopy(self.encoder), raw
        self.own = torch.optim.SGD(self.target.parameters(), 0.1)

    def training_step(self, batch, batch_idx):
        code, target = self.encoder(batch[0]), self.target(batch[0])
        return (
            cross_entropy(self.head(code), batch[1])
            + (code - (target if self.raw else target.detach())).square().mean()
        )

    def optimizer_step(self, *arguments, **named):
        super().optimizer_step(*arguments, **named)
        if self.raw:
            self.own.step()
        else:
            for p, leader in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
                p.data.lerp_(leader.data, 0.1)
                p.grad = None

    def configure_optimizers(self):
        return torch.optim.SGD([*self.encoder.parameters(), *self.head.parameters()], 0.1)


def test_a_target_network_follows_whether_the_term_is_clipped_or_not(tmp_path):
    for clipped in (False, True):
        callback = regularizer("output:target", "output:encoder", adaptive_clip=clipped)
        host = fit(tmp_path, Following, callback)
        assert callback.mine.updates == 4
        assert not callback._delivery.store.holds_any()
        assert difference(host.target, host.encoder) > 0
    callback = regularizer("output:target", "output:encoder", adaptive_clip=True)
    with pytest.raises(InputError, match="not with a raw optimizer"):
        fit(tmp_path, partial(Following, raw=True), callback)


def test_a_host_that_takes_its_batches_itself_is_told(tmp_path):
    class Itself(Classifier):
        def training_step(self, dataloader_iter):
            return super().training_step(next(dataloader_iter)[0], 0)

    with pytest.raises(InputError, match="Expected Itself's training_step to be given its batch but it takes datalo"):
        fit(tmp_path, Itself, regularizer())


def test_a_warm_up_from_zero_under_compile(tmp_path):
    def trained(compiled, beta=0.5):
        class Warm(Classifier):
            def __init__(self):
                super().__init__()
                if compiled:
                    self.encoder = torch.compile(self.encoder, backend="aot_eager")

            def on_train_epoch_start(self):
                callback.beta = beta * (self.current_epoch > 0)

        callback = regularizer(beta=0.0)
        return fit(tmp_path, Warm, callback, max_epochs=2)

    found, reference, plain = trained(True), trained(False), trained(False, beta=0.0)
    effect = difference(plain, reference)
    assert effect > 1e-5
    assert difference(found, reference) <= 1e-3 * effect
