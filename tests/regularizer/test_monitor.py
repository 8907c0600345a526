"""MIMonitor: right where the truth is known, no trace in the host, and the whole plane after a resume."""

import copy
import math
from functools import partial

import pytest
import torch
from cases import Plain, assert_same, hooks_of, trainer, weights
from pytorch_lightning import Callback, LightningModule
from torch import nn
from torch._functorch import config as functorch_config
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.networks import LabelStatistics, MLPStatistics
from mine_lightning.pairing import Derangements
from mine_lightning.regularizer.callback import MINERegularizer
from mine_lightning.regularizer.monitor import MIMonitor
from mine_lightning.runs.random_streams import SeedEachEpoch
from mine_lightning.types import PlanePoint

K = 4
LAYERS = ["output:encoder", "output:head"]


def loader(n=64, seed=1):
    draw = torch.Generator().manual_seed(seed)
    pairs = TensorDataset(torch.randn(n, 4, generator=draw), torch.randint(2, (n,), generator=draw))
    return DataLoader(pairs, 16)


class Validated(Plain):
    """The classifier with dropout, with a validation step."""

    def validation_step(self, batch, batch_idx):
        self.training_step(batch, batch_idx)


class Manual(Validated):
    """The same under manual optimisation."""

    def __init__(self):
        super().__init__(dropout=0.5)
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        if self.training:
            self.optimizers().zero_grad()
            self.manual_backward(loss)
            self.optimizers().step()


def small(x_shape, z_shape):
    return MLPStatistics(x_shape, z_shape, hidden=(16,))


def monitor(**arguments):
    defaults = {"layers": LAYERS, "x": "batch:0", "y": "batch:1", "classes": 2, "statistics_network": small}
    return MIMonitor(**{**defaults, **arguments})


class Flip(nn.Module):
    """Turn a one-hot vector, with probability ``p``, into another one: a symmetric channel of K symbols."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        number = x.argmax(1)
        shift = torch.randint(1, K, number.shape) * (torch.rand(number.shape) < self.p)
        return nn.functional.one_hot((number + shift) % K, K).float()


class Relay(LightningModule):
    """Two noisy layers in a row, and a head that learns: the information of each layer has a closed form."""

    def __init__(self):
        super().__init__()
        self.near, self.far = Flip(0.1), Flip(0.2)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(K, K))

    def training_step(self, batch, batch_idx):
        x, y = batch
        return nn.functional.cross_entropy(self.head(self.far(self.near(x))), y)

    def validation_step(self, batch, batch_idx):
        self.training_step(batch, batch_idx)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-2)


def chained(*flips):
    """Return the probability that channels in a row end at another symbol."""
    kept = math.prod(1 - p * K / (K - 1) for p in flips)
    return (1 - kept) * (K - 1) / K


def information(*flips):
    p = chained(*flips)
    return math.log(K) + (1 - p) * math.log(1 - p) + p * math.log(p / (K - 1))


def relay_pairs(n):
    x = nn.functional.one_hot(torch.randint(K, (n,)), K).float()
    return TensorDataset(x, Flip(0.05)(x).argmax(1))


def test_both_layers_have_the_information_that_their_noise_leaves(tmp_path):
    quick, wide = partial(torch.optim.Adam, lr=3e-3), partial(MLPStatistics, hidden=(64, 64))
    watch = MIMonitor(["output:near", "output:far"], "batch:0", "batch:1", K, wide, Derangements(2), quick)
    run = trainer(tmp_path, watch, max_epochs=2)
    run.fit(Relay(), DataLoader(relay_pairs(256 * 100), 256), DataLoader(relay_pairs(10_000), 2000))
    assert [(point.epoch, point.layer, point.pairs) for point in watch.history] == [
        (epoch, layer, 10_000) for epoch in (0, 1) for layer in ("near", "far")
    ]
    near, far = watch.history[-2:]
    assert near.mi_x == pytest.approx(information(0.1), abs=0.05)
    assert near.mi_y == pytest.approx(information(0.1, 0.05), abs=0.05)
    assert far.mi_x == pytest.approx(information(0.1, 0.2), abs=0.05)
    assert far.mi_y == pytest.approx(information(0.1, 0.2, 0.05), abs=0.05)


def test_global_settings_are_put_back(tmp_path):
    before = functorch_config.donated_buffer
    trainer(tmp_path, monitor()).fit(Validated(), loader())
    assert functorch_config.donated_buffer == before


@pytest.mark.parametrize("host", [Validated, Manual])
def test_the_host_is_bitwise_the_one_without(tmp_path, host):
    watched = host()
    plain = copy.deepcopy(watched)
    start = weights(plain).clone()
    watch = monitor()
    for module, callbacks in ((watched, [watch]), (plain, [])):
        torch.manual_seed(5)
        trainer(tmp_path, *callbacks, max_epochs=2).fit(module, loader(), loader(seed=2))
    assert torch.equal(weights(watched), weights(plain))
    assert not torch.equal(weights(plain), start)
    assert hooks_of(watched) == []
    assert all(term.mine.updates == 8 for term in watch._terms.values())


def test_logs_each_layer_by_name_in_training_and_on_held_out_pairs(tmp_path):
    watch = monitor(layers=["output:encoder", "input:head[:, :2]"])
    run = trainer(tmp_path, watch)
    run.fit(Validated(), loader(), loader(seed=2))
    for layer in ("encoder", "input:head[:, :2]"):
        names = [f"mine/{layer}/{other}/mi" for other in "xy"] + [f"val/{layer}/{other}_mi" for other in "xy"]
        assert {*names, f"val/{layer}/x_mi_stderr", f"val/{layer}/y_mi_stderr"} <= run.callback_metrics.keys()
    values = [run.callback_metrics[f"val/encoder/{other}_mi"].item() for other in "xy"]
    assert watch.history[0] == PlanePoint(0, "encoder", *values, 64)


@pytest.mark.parametrize(("held_out", "pairs"), [(0, set()), (32, {32}), (33, {48})])
def test_as_many_held_out_pairs_as_were_asked_for_in_whole_batches_and_none_for_0(tmp_path, held_out, pairs):
    watch = monitor(held_out=held_out)
    run = trainer(tmp_path, watch)
    run.fit(Validated(), loader(), loader(seed=2))
    assert {point.pairs for point in watch.history} == pairs
    assert ("val/encoder/x_mi" in run.callback_metrics) == bool(pairs)


def test_each_t_takes_as_many_steps_as_were_asked_for_from_the_seed_that_was_given(tmp_path):
    one, other = monitor(t_steps=2), monitor(seed=1)
    for watch in (one, other):
        trainer(tmp_path, watch).fit(Validated(), loader())
    assert {term.mine.updates for term in one._terms.values()} == {8}
    assert {term.mine.seed for term in other._terms.values()} == {1}


def test_labels_get_a_score_a_class_and_vectors_do_not(tmp_path):
    labels, vectors = monitor(), monitor(classes=None)
    for watch in (labels, vectors):
        trainer(tmp_path, watch).fit(Validated(), loader())
    assert isinstance(labels._terms["head/y"].mine.statistics_network, LabelStatistics)
    assert isinstance(vectors._terms["head/y"].mine.statistics_network, MLPStatistics)


def test_a_resumed_run_has_the_whole_plane_and_is_bitwise_the_uninterrupted_one(tmp_path):
    def run(epochs, checkpoint=None):
        watch, host = monitor(), Validated()
        fit = trainer(tmp_path, SeedEachEpoch(0), watch, max_epochs=epochs)
        fit.fit(host, loader(), loader(seed=2), ckpt_path=checkpoint)
        fit.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return watch, host, torch.load(tmp_path / f"{epochs}.ckpt", weights_only=True)

    torch.manual_seed(3)
    run(2)
    torch.manual_seed(3)
    whole, whole_host, whole_saved = run(4)
    torch.manual_seed(99)
    resumed, resumed_host, resumed_saved = run(4, tmp_path / "2.ckpt")
    assert [point.epoch for point in resumed.history] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert resumed.history == whole.history
    assert torch.equal(weights(resumed_host), weights(whole_host))
    assert_same(resumed_saved["callbacks"], whole_saved["callbacks"])
    Validated.load_from_checkpoint(tmp_path / "4.ckpt")


def test_a_layer_may_join_on_resume(tmp_path):
    first = trainer(tmp_path, monitor(layers=["output:encoder"]))
    first.fit(Validated(), loader(), loader(seed=2))
    first.save_checkpoint(tmp_path / "a.ckpt")
    watch = monitor()
    trainer(tmp_path, watch, max_epochs=2).fit(Validated(), loader(), loader(seed=2), ckpt_path=tmp_path / "a.ckpt")
    assert [(point.epoch, point.layer) for point in watch.history] == [(0, "encoder"), (1, "encoder"), (1, "head")]
    assert [watch._terms[f"{layer}/x"].mine.updates for layer in ("encoder", "head")] == [8, 4]


def test_it_works_beside_a_term_and_is_none_itself(tmp_path):
    term = MINERegularizer("batch:0", "output:encoder", "minimize", statistics_network=small)
    run = trainer(tmp_path, monitor(), term)
    run.fit(Validated(), loader(), loader(seed=2))
    assert {"mine/mi", "val/mi", "val/encoder/x_mi"} <= run.callback_metrics.keys()
    assert sum(isinstance(callback, MINERegularizer) for callback in run.callbacks) == 1


def test_every_hook_of_lightning_reaches_every_term():
    class Listening:
        def __init__(self):
            self.heard = set()

        def __getattr__(self, hook):
            return lambda *arguments, **named: self.heard.add(hook)

    watch, listening = monitor(layers=["output:encoder"]), Listening()
    watch._terms = {"encoder/x": listening}
    hooks = {name for name in vars(Callback) if name.startswith("on_")} - {"on_validation_epoch_end"}
    for hook in hooks | {"teardown"}:
        getattr(watch, hook)(None, None)
    assert listening.heard == hooks | {"teardown"}


def test_a_validation_by_itself_is_no_point_of_the_training(tmp_path):
    watch = monitor()
    run = trainer(tmp_path, watch, max_epochs=1)
    run.fit(Validated(), loader(), loader())
    points = list(watch.history)
    assert points
    run.validate(Validated(), loader(), verbose=False)
    assert watch.history == points


def test_layers_may_come_one_by_one():
    assert monitor(layers=(name for name in ("output:encoder", "output:head"))).layers == ["encoder", "head"]


def test_hooks_are_gone_after_an_exception(tmp_path):
    class Failing(Validated):
        def training_step(self, batch, batch_idx):
            if batch_idx == 1:
                raise RuntimeError("boom")
            return super().training_step(batch, batch_idx)

    host = Failing()
    with pytest.raises(RuntimeError, match="boom"):
        trainer(tmp_path, monitor()).fit(host, loader())
    assert hooks_of(host) == []


def test_plot_returns_the_figure_and_saves_it(tmp_path):
    watch = monitor()
    with pytest.raises(
        InputError, match=r"Expected a validation before the plot but there was none in this process; give"
    ):
        watch.plot()
    trainer(tmp_path, watch).fit(Validated(), loader(), loader(seed=2))
    figure = watch.plot(tmp_path / "plane.png")
    assert (tmp_path / "plane.png").stat().st_size > 5000
    assert figure.axes[0].get_xlabel() == "I(x; layer), nats"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": []}, r"Expected a list of layers, such as \['output:encoder'\], but got \[\];"),
        ({"layers": "output:head"}, "Expected a list of layers, .* but got 'output:head';"),
        ({"layers": 3}, "Expected a list of layers, .* but got 3;"),
        ({"layers": ["output:head", "output:head"]}, "Expected each layer once but got 'output:head' twice;"),
        (
            {"layers": [["output:head", "input:head"]]},
            r"each layer to be one capture, .* but got \['output:head', 'input:",
        ),
        ({"layers": [0]}, "each layer to be one capture, such as 'output:encoder', but got 0;"),
        (
            {"x": ["batch:0", "output:head"]},
            r"Expected x, y and each layer to be one capture, .* but got \['batch:0', ",
        ),
        ({"layers": ["head"]}, "Expected a capture such as 'output:encoder'"),
        ({"statistics_network": small((4,), (3,))}, "but got a finished MLPStatistics; pass its class"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    with pytest.raises(InputError, match=message):
        monitor(**arguments)


def test_a_wrong_name_and_a_wrong_number_of_classes_are_told(tmp_path):
    with pytest.raises(InputError, match=r"did you mean output:encoder\?"):
        trainer(tmp_path, monitor(layers=["output:encodr"])).fit(Validated(), loader())
    x, y = torch.randn(32, 4), torch.arange(32) % 2
    with pytest.raises(InputError, match="Expected labels that are whole numbers from 0 to 1 but got 2; set classes"):
        trainer(tmp_path, monitor(y="batch:2")).fit(Three(), DataLoader(TensorDataset(x, y, y + 1), 16))


class Three(Plain):
    """Takes a batch of three."""

    def training_step(self, batch, batch_idx):
        return super().training_step(batch[:2], batch_idx)


def test_two_monitors_on_a_model_are_told(tmp_path):
    with pytest.raises(InputError, match="Expected one MIMonitor on a model but got 2, whose logs would mix"):
        trainer(tmp_path, monitor(), monitor(x="batch:1", y="batch:0")).fit(Validated(), loader())
