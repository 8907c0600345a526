"""Averaged weights are a moving average written by hand, in validation, in the test, and after a resume."""

import pytest
import torch
from cases import Plain, assert_same, trainer, weights
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.hosts.averaging import AveragedWeights
from mine_lightning.runs.random_streams import SeedEachEpoch

stream = torch.Generator().manual_seed(2)
DATA = TensorDataset(torch.randn(48, 4, generator=stream), torch.randint(2, (48,), generator=stream))
DTYPES = {"64-true": torch.float64, "bf16-true": torch.bfloat16}
TOLERANCE = {"64-true": 1e-6, "bf16-true": 0.02}


class Host(Plain):
    def validation_step(self, batch, batch_idx):
        self.seen = weights(self).clone()

    test_step = validation_step


class ByHand(Callback):
    """The average after each step, and the weights that are trained."""

    def __init__(self, decay, warm_up=False):
        self.decay, self.warm_up, self.average, self.current, self.count = decay, warm_up, None, None, 0

    def on_train_batch_end(self, trainer, pl_module, *arguments):
        self.current = weights(pl_module).clone()
        older = self.current if self.average is None else self.average
        decay = min(self.decay, (1 + self.count) / (10 + self.count)) if self.warm_up else self.decay
        self.average = decay * older + (1 - decay) * self.current
        self.count += 1


def fit(tmp_path, *callbacks, epochs=2, checkpoint=None):
    torch.manual_seed(0)
    host = Host()
    # at the end of training the average takes the place of the weights: what is to go on is saved before
    saving = ModelCheckpoint(tmp_path, "{epoch}", auto_insert_metric_name=False, save_top_k=-1)
    run = trainer(tmp_path, SeedEachEpoch(0), *callbacks, saving, max_epochs=epochs, enable_checkpointing=True)
    run.fit(host, DataLoader(DATA, 8), DataLoader(DATA, 48), ckpt_path=checkpoint)
    return host, run


@pytest.mark.parametrize(("decay", "warm_up"), [(0.7, False), (0.4, True)])  # the fifth update of twelve has 0.4
def test_it_is_the_average_by_hand_in_validation_and_after_training(tmp_path, decay, warm_up):
    spy = ByHand(decay, warm_up)
    host, _ = fit(tmp_path, AveragedWeights(decay, warm_up), spy)
    torch.testing.assert_close(weights(host), spy.average)
    torch.testing.assert_close(host.seen, spy.average)
    assert (spy.average - spy.current).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")  # of the ModelCheckpoint
def test_a_checkpoint_is_tested_with_the_average_by_the_trainer_that_wrote_it_and_by_another(tmp_path):
    spy = ByHand(0.7)
    host, run = fit(tmp_path, AveragedWeights(0.7), spy)
    for other in (run, trainer(tmp_path, AveragedWeights(0.7))):
        other.test(host, DataLoader(DATA, 48), ckpt_path=tmp_path / "1.ckpt", verbose=False)
        torch.testing.assert_close(host.seen, spy.average)
    alone = Host.load_from_checkpoint(tmp_path / "1.ckpt", weights_only=True)
    torch.testing.assert_close(weights(alone), spy.average)


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")  # of the ModelCheckpoint
def test_an_older_checkpoint_is_validated_with_its_own_average_by_the_trainer_that_went_on(tmp_path):
    host, run = fit(tmp_path, AveragedWeights(0.7))
    run.validate(host, DataLoader(DATA, 48), ckpt_path=tmp_path / "0.ckpt", verbose=False)
    older = Host.load_from_checkpoint(tmp_path / "0.ckpt", weights_only=True)
    torch.testing.assert_close(host.seen, weights(older))
    assert (host.seen - weights(Host.load_from_checkpoint(tmp_path / "1.ckpt", weights_only=True))).abs().max() > 1e-3


def test_another_model_that_is_validated_after_a_fit_is_left_as_it_is(tmp_path):
    _, run = fit(tmp_path, AveragedWeights(0.7))
    other = Host()
    own = weights(other).clone()
    run.validate(other, DataLoader(DATA, 48), verbose=False)
    assert_same({"seen": other.seen, "now": weights(other)}, {"seen": own, "now": own})


def test_a_second_trainer_starts_anew(tmp_path):
    averaged, spy = AveragedWeights(0.7), ByHand(0.7)
    fit(tmp_path / "first", averaged)
    host, _ = fit(tmp_path / "second", averaged, spy)
    torch.testing.assert_close(weights(host), spy.average)


def test_what_is_trained_is_put_back_where_a_validation_ends_early(tmp_path):
    class Stopped(Host):
        def validation_step(self, batch, batch_idx):
            raise RuntimeError("stopped")

    spy = ByHand(0.7)
    saving = ModelCheckpoint(tmp_path, "stopped", save_on_exception=True, enable_version_counter=False)
    run = trainer(tmp_path, AveragedWeights(0.7), spy, saving, enable_checkpointing=True)
    with pytest.raises(RuntimeError, match="stopped"):
        run.fit(Stopped(), DataLoader(DATA, 8), DataLoader(DATA, 48))
    saved = torch.load(tmp_path / "stopped.ckpt", weights_only=True)
    for key, expected in (("current_model_state", spy.current), ("state_dict", spy.average)):
        torch.testing.assert_close(torch.cat([value.flatten() for value in saved[key].values()]), expected)


def test_a_host_whose_layers_come_too_late_to_be_averaged_is_told(tmp_path):
    class Late(Host):
        def setup(self, stage):
            self.late = torch.nn.Linear(2, 2)

    with pytest.raises(InputError, match="Expected Late's layers to be there before its setup but late"):
        trainer(tmp_path, AveragedWeights(0.7)).fit(Late(), DataLoader(DATA, 8))


@pytest.mark.parametrize("precision", ["64-true", "bf16-true"])
def test_it_averages_a_host_whose_weights_are_doubles_or_halves(tmp_path, precision):
    torch.manual_seed(0)
    host, spy = Host(), ByHand(0.7)
    run = trainer(tmp_path, AveragedWeights(0.7), spy, precision=precision)
    data = TensorDataset(DATA.tensors[0].to(DTYPES[precision]), DATA.tensors[1])
    run.fit(host, DataLoader(data, 8), DataLoader(data, 48))
    torch.testing.assert_close(weights(host).double(), spy.average.double(), rtol=0, atol=TOLERANCE[precision])


@pytest.mark.parametrize("precision", ["64-true", "bf16-true"])
def test_a_validation_rounds_neither_the_average_nor_what_is_trained(tmp_path, precision):
    found = []
    for check in ({}, {"limit_val_batches": 0}):
        torch.manual_seed(0)
        averaged = AveragedWeights(0.7)
        spy = ByHand(0.7)
        run = trainer(tmp_path, averaged, spy, precision=precision, max_epochs=3, **check)
        data = TensorDataset(DATA.tensors[0].to(DTYPES[precision]), DATA.tensors[1])
        host = Host(dropout=0.0)  # a validation moves the random stream
        run.fit(host, DataLoader(data, 8), DataLoader(data, 48))
        found.append(
            {"trained": spy.current, "average": weights(averaged._average_model.module), "host": weights(host)}
        )
    assert_same(*found)


def test_a_precision_that_cannot_be_averaged_is_told(tmp_path):
    run = trainer(tmp_path, AveragedWeights(0.7), precision="16-true")
    with pytest.raises(InputError, match="but got 16-true; give 16-mixed, or no weight_averaging"):
        run.fit(Host(), DataLoader(DATA, 8))


def test_a_host_of_the_other_package_is_told(tmp_path):
    from lightning.pytorch import LightningModule

    class Other(LightningModule):
        pass

    with pytest.raises(InputError, match="Expected a LightningModule of pytorch_lightning but Other is one of another"):
        AveragedWeights(0.7).setup(trainer(tmp_path), Other(), "fit")


@pytest.mark.parametrize("warm_up", [False, True])
@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_resume_is_bitwise(tmp_path, warm_up):
    found = []
    for name, checkpoint in (("whole", None), ("resumed", tmp_path / "whole" / "0.ckpt")):
        fit(tmp_path / name, AveragedWeights(0.7, warm_up), epochs=3, checkpoint=checkpoint)
        saved = torch.load(tmp_path / name / "2.ckpt", weights_only=True)
        keys = ("state_dict", "current_model_state", "averaging_state", "optimizer_states")
        found.append({key: dict(saved[key]) if "state" in key[-5:] else saved[key] for key in keys})
    assert_same(*found)
    assert found[0]["averaging_state"]["n_averaged"] == 18


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_that_is_none_is_told(decay):
    with pytest.raises(InputError, match=r"in \[0, 1\)"):
        AveragedWeights(decay)
