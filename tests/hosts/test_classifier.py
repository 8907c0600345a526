"""The classifier: its loss, its averages at test, a term from outside against the same by hand, resume."""

import copy
from functools import partial

import pytest
import torch
from by_hand import Term
from cases import adam, assert_same, difference, sgd, small_mlp, trainer, weights
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint, WeightAveraging
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.hosts.averaging import AveragedWeights
from mine_lightning.hosts.classification import ConfidencePenalty, LabelSmoothing, VariationalBottleneck
from mine_lightning.hosts.classifier import Classifier
from mine_lightning.networks import (
    AdditiveEncoder,
    DeterministicEncoder,
    LinearDecoder,
    NormalEncoder,
    PropagatedEncoder,
)
from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.regularizer.monitor import MIMonitor
from mine_lightning.runs.random_streams import SeedEachEpoch

stream = torch.Generator().manual_seed(2)
X, LABELS = torch.randn(96, 6, generator=stream), torch.randint(3, (96,), generator=stream)
DATA = TensorDataset(X, LABELS)
SMALL = {"inputs": 6, "latent": 4, "hidden": (8,)}
ENCODERS = [
    partial(DeterministicEncoder, dropout=0.5),
    NormalEncoder,
    partial(NormalEncoder, input_noise=0.3),
    AdditiveEncoder,
    PropagatedEncoder,
]


def host(encoder=NormalEncoder, cls=Classifier, seed=0, optimizer=sgd, **arguments):
    torch.manual_seed(seed)
    return cls(encoder(**SMALL), LinearDecoder(4, 3), optimizer=optimizer, **arguments)


def fit(tmp_path, module, *callbacks, batch=16, **arguments):
    run = trainer(tmp_path, SeedEachEpoch(0), *callbacks, **arguments)
    run.fit(module, DataLoader(DATA, batch))
    return run


@pytest.mark.parametrize("loss", [None, LabelSmoothing(0.1), ConfidencePenalty(0.5), VariationalBottleneck(0.1)])
def test_a_step_descends_the_loss_by_hand(tmp_path, loss):
    found, expected = host(loss=loss), host(loss=loss)
    fit(tmp_path, found, batch=96)
    # the first step of epoch 0, in its random stream
    SeedEachEpoch(0).on_train_batch_start(trainer(tmp_path), expected, None, 0)
    code = expected.encoder(X)
    value = expected.loss(expected.decoder(code.z), LABELS, code)
    for parameter, slope in zip(
        expected.parameters(), torch.autograd.grad(value, [*expected.parameters()]), strict=True
    ):
        parameter.data -= 0.05 * slope
    torch.testing.assert_close(weights(found), weights(expected), atol=1e-7, rtol=0)
    assert difference(found, host()) > 1e-4


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_posterior_average_is_a_loop_over_draws(encoder):
    model = host(encoder, posterior_samples=12).eval()
    torch.manual_seed(5)
    found = model(X)
    torch.manual_seed(5)
    draws = [model.decoder(model.encoder(X).z).softmax(dim=1) for _ in range(12)]
    torch.testing.assert_close(found, sum(draws) / 12)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(96))
    torch.manual_seed(5)
    model.posterior_samples = 1
    assert torch.equal(model(X), draws[0])


def test_an_encoder_without_noise_is_asked_once(monkeypatch):
    model, calls = host(DeterministicEncoder, posterior_samples=12).eval(), []
    model.encoder.register_forward_hook(lambda *arguments: calls.append(1))
    model(X)
    assert len(calls) == 1


def test_errors_are_counted_over_the_whole_test_set_with_the_same_noise_each_time(tmp_path):
    model = host(AdditiveEncoder, posterior_samples=3)
    first, second = (trainer(tmp_path).test(model, DataLoader(DATA, 40), verbose=False)[0] for _ in range(2))
    assert first == second

    def wrong(stream):
        count = 0
        for number, (x, labels) in enumerate(DataLoader(DATA, 40)):
            torch.manual_seed(number * 2 + stream)
            model.encoder(x)  # the draw that is returned comes first
            count += (model(x).argmax(dim=1) != labels).sum().item()
        return count / 96

    p = wrong(1)
    assert first["test/test_error_percent"] == pytest.approx(100 * p)
    assert first["test/test_error_percent_stderr"] == pytest.approx(100 * (p * (1 - p) / 96) ** 0.5)
    validation = trainer(tmp_path).validate(model, DataLoader(DATA, 40), verbose=False)[0]
    assert validation["val/error_percent"] == pytest.approx(100 * wrong(0))


def test_an_evaluation_leaves_the_random_stream_alone_and_returns_the_density(tmp_path, monkeypatch):
    monkeypatch.setattr(Classifier, "log", lambda *arguments: None)
    model, deterministic = host().eval(), host(DeterministicEncoder).eval()
    model.trainer = deterministic.trainer = trainer(tmp_path)
    before = torch.get_rng_state()
    outputs = model.test_step((X, LABELS), 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert {name: list(value.shape) for name, value in outputs.items()} == {
        name: [96, 4] for name in ("z", "mean", "std")
    }
    assert set(deterministic.test_step((X, LABELS), 0)) == {"z"}


# --- the term


class ByHand(Classifier):
    """With the min-max step of MINE written into it."""

    def training_step(self, batch, batch_idx):
        x, labels = batch
        z = self.encoder(x).z
        self.last = (x, z)
        return self.loss(self.decoder(z).float(), labels, None) + self.term[0].loss(x, z)

    def on_train_batch_end(self, outputs, batch, batch_idx):
        self.term[0].ascend(*self.last)


def term(direction="minimize", **arguments):
    return MINERegularizer(
        "batch:0", "input:decoder", direction, 0.5, False, statistics_network=small_mlp, optimizer=sgd, **arguments
    )


class Last(Callback):
    """T as it is trained; where the host is averaged it ends as its average."""

    def __init__(self, term):
        self.term = term

    def on_train_batch_end(self, *_):
        self.mine = copy.deepcopy(self.term.mine)


@pytest.mark.parametrize("averaging", [None, 0.9])
@pytest.mark.parametrize("encoder", [NormalEncoder, AdditiveEncoder, PropagatedEncoder])
def test_a_mine_row_takes_the_step_by_hand(tmp_path, encoder, averaging):
    # to maximise: to minimise waits until T, untrained here, reads more than 0
    callback, plain = term("maximize"), host(encoder, weight_averaging=averaging)
    found, reference = (host(encoder, cls, weight_averaging=averaging) for cls in (Classifier, ByHand))
    reference.term = (Term(MINE(small_mlp, (6,), (4,)), 0.5, "maximize"),)
    fit(tmp_path, plain, max_epochs=2)
    last = Last(callback)
    fit(tmp_path, found, callback, last, max_epochs=2, log_every_n_steps=4)
    fit(tmp_path, reference, max_epochs=2)
    effect = difference(plain, reference)
    assert effect > 1e-4
    assert difference(found, reference) <= 1e-3 * effect
    assert difference(last.mine, reference.term[0].mine) <= 1e-5
    assert difference(callback.mine, MINE(small_mlp, (6,), (4,))) > 1e-3


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_resume_is_bitwise_with_term_averages_and_schedule(tmp_path):
    def run(name, checkpoint=None):
        module = host(
            AdditiveEncoder,
            optimizer=adam,
            weight_averaging=0.9,
            posterior_samples=2,
            schedule=partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5),
        )
        saving = ModelCheckpoint(tmp_path / name, "{epoch}", auto_insert_metric_name=False, save_top_k=-1)
        callbacks = SeedEachEpoch(0), term(), saving
        fitting = trainer(tmp_path, *callbacks, max_epochs=3, enable_checkpointing=True)
        fitting.fit(module, DataLoader(DATA, 16), DataLoader(DATA, 96), ckpt_path=checkpoint)
        last = tmp_path / name / "2.ckpt"
        saved = torch.load(last, weights_only=True)
        keys = ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers")
        states = {key: [saved[key]] for key in keys}
        states["mine"] = next(value for key, value in saved["callbacks"].items() if key.startswith("MINE"))
        scores = fitting.test(module, DataLoader(DATA, 96), ckpt_path=last, verbose=False)
        return states, scores

    whole = run("whole")
    torch.manual_seed(77)
    assert_same(whole, run("resumed", tmp_path / "whole" / "0.ckpt"))
    assert whole[0]["lr_schedulers"][0][0]["_last_lr"] == [pytest.approx(1e-3 / 8)]


def test_a_held_out_value_is_read_with_averaged_weights(tmp_path):
    """T is shown what the averaged encoder makes of held-out x, as the error is that of the averaged weights."""
    callback, seen = term(), []
    module = host(weight_averaging=0.5)
    run = trainer(tmp_path, callback)

    def look(decoder, inputs):
        if run.validating:
            seen.append(inputs[0].clone())

    module.decoder.register_forward_pre_hook(look)
    run.fit(module, DataLoader(DATA, 16), DataLoader(DATA, 96))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module.eval().encoder(X)  # the draw that is returned comes first
        torch.testing.assert_close(module.encoder(X).z, seen[-1])
    assert {"val/mi", "val/error_percent"} <= run.callback_metrics.keys()


def test_the_information_plane_shows_its_code(tmp_path):
    monitor = MIMonitor(["input:decoder"], "batch:0", "batch:1", classes=3, statistics_network=small_mlp)
    run = trainer(tmp_path, monitor, max_epochs=2)
    run.fit(host(weight_averaging=0.9), DataLoader(DATA, 16), DataLoader(DATA, 96))
    assert [point.pairs for point in monitor.history] == [96, 96]
    assert len(monitor.plot().axes[0].lines[0].get_xdata()) == 2


@pytest.mark.parametrize("encoder", ENCODERS)
def test_half_precision(tmp_path, encoder):
    module = host(encoder)
    run = fit(tmp_path, module, term(), precision="bf16-mixed")
    assert weights(module).isfinite().all()
    assert {"train/loss", "mine/mi"} <= run.callback_metrics.keys()
    assert difference(module, host(encoder)) > 0


@pytest.mark.parametrize("given", [WeightAveraging(), AveragedWeights(0.9, warm_up=True)])
def test_an_average_of_the_trainers_own_beside_the_models_is_refused(tmp_path, given):
    with pytest.raises(InputError, match=r"has weight_averaging 0.9 and the Trainer an \w+; take the callback out"):
        fit(tmp_path, host(weight_averaging=0.9), given)
    fit(tmp_path, host(weight_averaging=0.9), AveragedWeights(0.9))  # the same one, said twice


def test_the_density_captured_in_an_evaluation_is_that_of_the_captured_code(tmp_path):
    """With noise on the input each draw has a density of its own, and both captures take the newest."""
    module, seen = host(partial(NormalEncoder, input_noise=0.5), posterior_samples=3), {}
    module.encoder.register_forward_hook(lambda module, arguments, output: seen.update(code=output))
    module.decoder.register_forward_pre_hook(lambda module, arguments: seen.update(z=arguments[0]))
    trainer(tmp_path).validate(module, DataLoader(DATA, 96), verbose=False)
    assert torch.equal(seen["code"].z, seen["z"])


@pytest.mark.parametrize("arguments", [{"posterior_samples": 0}, {"weight_averaging": 1.5}])
def test_wrong_arguments_are_told(arguments):
    with pytest.raises(InputError, match="Expected"):
        host(**arguments)
