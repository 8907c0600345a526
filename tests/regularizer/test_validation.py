"""The pairs of a validation: which are taken, which are left out, and that a validation by itself has them too."""

import functools
import warnings

import pytest
import torch
from by_hand import Classifier
from cases import sgd, small_mlp, trainer
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.regularizer.callback import MINERegularizer

stream = torch.Generator().manual_seed(2)
X, Y = torch.randn(64, 4, generator=stream), torch.randint(2, (64,), generator=stream)


def loader():
    return DataLoader(TensorDataset(X, Y), 16)


def regularizer():
    arguments = {"statistics_network": small_mlp, "optimizer": sgd, "adaptive_clip": False}
    return MINERegularizer("batch:0", "output:encoder", "maximize", 0.5, **arguments)


class Validated(Classifier):
    @torch.inference_mode()
    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.encoder(batch if isinstance(batch, torch.Tensor) else batch[0])


def test_a_validation_by_itself_has_the_estimate(tmp_path):
    callback, host = regularizer(), Validated()
    run = trainer(tmp_path, callback)
    run.fit(host, loader(), loader())
    within = run.callback_metrics["val/mi"]
    assert run.validate(host, loader(), verbose=False)[0]["val/mi"] == pytest.approx(within.item(), abs=1e-6)
    assert not host.encoder._forward_hooks


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")  # of callbacks that are not there
def test_a_checkpoint_is_validated_with_its_estimate_by_a_callback_that_has_not_trained(tmp_path):
    trained = trainer(tmp_path, regularizer())
    trained.fit(Validated(), loader(), loader())
    trained.save_checkpoint(tmp_path / "last.ckpt")
    other = trainer(tmp_path, regularizer())
    (found,) = other.validate(Validated(), loader(), ckpt_path=tmp_path / "last.ckpt", verbose=False)
    assert found["val/mi"] == pytest.approx(trained.callback_metrics["val/mi"].item(), abs=1e-6)


@pytest.mark.parametrize("is_sorted", [False, True])
def test_a_validation_in_the_order_of_its_data_is_told(tmp_path, is_sorted):
    x = torch.randn(256, 4, generator=torch.Generator().manual_seed(3))
    order = x[:, 0].argsort() if is_sorted else torch.arange(256)
    held_out = DataLoader(TensorDataset(x[order], torch.zeros(256)), 32)
    run = trainer(tmp_path, regularizer(), max_epochs=2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run.fit(Validated(), loader(), held_out)
    assert sum("of what differs within batches alone" in str(one.message) for one in told) == is_sorted


def test_a_validation_that_does_not_run_what_is_captured_is_told_once(tmp_path):
    class Idle(Classifier):
        def validation_step(self, batch, batch_idx):
            pass

    run = trainer(tmp_path, regularizer(), max_epochs=2)
    with pytest.warns(UserWarning, match=r"'output:encoder' was not seen in it; for a held-out value let Idle") as told:
        run.fit(Idle(), loader(), loader())
    assert sum("was not seen in it" in str(warning.message) for warning in told) == 1
    assert "val/mi" not in run.callback_metrics


def test_validation_batches_of_another_kind_are_left_out(tmp_path):
    callback = regularizer()
    run = trainer(tmp_path, callback)
    with pytest.warns(
        UserWarning, match="validation batches are left out of the estimate: Expected a batch of several"
    ):
        run.fit(Validated(), loader(), [loader(), DataLoader(X, 16)])
    assert "val/mi" in run.callback_metrics


class Again(Validated):
    """Reads what was captured, and then another pass, as a VAE draws from its prior."""

    def __init__(self, end):
        super().__init__()
        self.end = end

    def validation_step(self, batch, batch_idx):
        super().validation_step(batch, batch_idx)
        if not self.end:
            self.encoder(torch.randn(16, 4))

    def on_validation_epoch_end(self):
        if self.end:
            self.encoder(torch.randn(16, 4))


@pytest.mark.parametrize("end", [False, True])
def test_where_a_held_out_value_lags_another_pass_in_the_step_is_named(tmp_path, end):
    adam = functools.partial(torch.optim.Adam, lr=3e-3)
    term = MINERegularizer("batch:0", "output:encoder", "maximize", 0.0, statistics_network=small_mlp, optimizer=adam)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run = trainer(tmp_path, term, max_epochs=100, check_val_every_n_epoch=50)
        run.fit(Again(end), loader(), loader())
    said = [str(one.message) for one in told if "nats in training but" in str(one.message)]
    named = "'output:encoder' ran 2 times in a batch and 'batch:0' 1, and the newest of each are the pair"
    assert [named in one for one in said] == ([] if end else [True])
    assert (run.callback_metrics["val/mi"] > 0.5) == end


def test_a_validation_before_any_training_is_told_why_it_has_no_value(tmp_path):
    run = trainer(tmp_path, regularizer())
    with pytest.warns(UserWarning, match="there is no held-out value: this callback has no T"):
        (found,) = run.validate(Validated(), loader(), verbose=False)
    assert "val/mi" not in found


def test_a_compiled_module_may_run_as_often_as_it_likes(tmp_path):
    class Often(Classifier):
        def validation_step(self, batch, batch_idx):
            for _ in range(12):  # more than the graphs that torch makes of one function
                self.encoder(batch[0])

    host = Often()
    host.encoder.compile(backend="eager", fullgraph=True)
    run = trainer(tmp_path, regularizer())
    run.fit(host, loader(), loader())
    assert "val/mi" in run.callback_metrics


def test_a_validation_of_single_samples_is_told_why_it_has_no_value(tmp_path):
    host, run = Validated(), trainer(tmp_path, regularizer(), limit_train_batches=2)
    with pytest.warns(UserWarning, match="no held-out value: what a validation batch shows is one sample"):
        run.fit(host, loader(), DataLoader(TensorDataset(X[:5], Y[:5]), 1))
    assert "val/mi" not in run.callback_metrics


def test_a_validation_whose_rest_is_a_single_sample_is_not(tmp_path):
    run = trainer(tmp_path, regularizer(), limit_train_batches=2)
    run.fit(Validated(), loader(), DataLoader(TensorDataset(X[:17], Y[:17]), 16))  # a warning is an error here
    assert "val/mi" in run.callback_metrics
