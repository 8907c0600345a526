"""The same callback a second time: after a validation, in another precision, after its hooks were lost."""

import pytest
import torch
from by_hand import Classifier
from cases import sgd, small_mlp, trainer
from pytorch_lightning import Callback, Trainer
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning import InfoNCE
from mine_lightning.networks import SeparableStatistics
from mine_lightning.pairing import AllOthers
from mine_lightning.regularizer.callback import MINERegularizer

stream = torch.Generator().manual_seed(2)
X, Y = torch.randn(64, 4, generator=stream), torch.randint(2, (64,), generator=stream)


class Validated(Classifier):
    def validation_step(self, batch, batch_idx):
        self.encoder(batch[0].to(self.dtype))


class Updates(Callback):
    """T's updates at the end of each epoch."""

    def __init__(self, mine):
        self.mine, self.seen = mine, []

    def on_train_epoch_end(self, trainer, pl_module):
        self.seen.append(self.mine.mine.updates)


def loader(batch=16):
    return DataLoader(TensorDataset(X, Y), batch)


def regularizer(**arguments):
    defaults = {"x": "batch:0", "z": "output:encoder", "beta": 0.5, "statistics_network": small_mlp, "optimizer": sgd}
    return MINERegularizer(**{**defaults, "direction": "minimize", **arguments})


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
@pytest.mark.parametrize("resumes", [False, True])
def test_a_fit_after_the_validation_of_a_checkpoint(tmp_path, resumes):
    kept = tmp_path / "last.ckpt"
    first = trainer(tmp_path, regularizer(optimizer=torch.optim.Adam))
    first.fit(Validated(), loader(), loader())
    first.save_checkpoint(kept)
    callback, host = regularizer(optimizer=torch.optim.Adam), Validated()
    run = trainer(tmp_path, callback, max_epochs=3)
    run.validate(host, loader(), ckpt_path=kept, verbose=False)
    run.fit(host, loader(), ckpt_path=kept if resumes else None)
    assert callback.mine.updates == 4 + 4 * (2 if resumes else 3)


def test_partners_that_a_validation_drew_first_serve_a_training(tmp_path):
    """The index of all others is kept for the next who asks, in any process-wide mode."""
    parts = {"statistics_network": SeparableStatistics, "pairing": AllOthers(), "bound": InfoNCE()}
    host, callback = Validated(), regularizer(**parts)
    run = trainer(tmp_path, callback)
    run.fit(host, loader())
    run.validate(host, loader(23), verbose=False)  # in inference mode, as a validation within a fit is not
    trainer(tmp_path, regularizer(**parts)).fit(Validated(), loader(23))


def test_another_precision(tmp_path):
    callback = regularizer(optimizer=torch.optim.Adam)
    trainer(tmp_path, callback).fit(Classifier(), loader())
    with pytest.warns(UserWarning, match="goes on from another model"):
        trainer(tmp_path, callback, precision="64-true").fit(Classifier().double(), loader())
    assert {p.dtype for p in callback.mine.parameters()} == {torch.float64}
    moments = callback._ascent._optimizer.state_dict()["state"]
    assert {state["exp_avg"].dtype for state in moments.values()} == {torch.float64}
    assert callback.mine.updates == 8


def test_a_second_sanity_check_leaves_nothing_out(tmp_path, recwarn):
    callback, host = regularizer(x="input:encoder"), Validated()
    for _ in range(2):
        run = trainer(tmp_path, callback, num_sanity_val_steps=2)
        run.fit(host, loader(), loader())
    assert not [warning for warning in recwarn if "left out" in str(warning.message)]


def test_a_module_that_is_replaced_in_mid_fit_is_caught_anew(tmp_path):
    class Grows(Classifier):
        def on_train_epoch_start(self):
            if self.current_epoch == 1:
                self.encoder = Classifier().encoder
                self.trainer.strategy.setup_optimizers(self.trainer)

    callback = regularizer()
    updates = Updates(callback)
    trainer(tmp_path, callback, updates, max_epochs=3).fit(Grows(), loader())
    assert updates.seen == [4, 8, 12]


def test_a_trainer_within_a_fit_leaves_the_hooks_of_the_outer_one(tmp_path):
    class Nested(Validated):
        def on_train_epoch_end(self):
            outer = self.trainer
            inner = Trainer(
                accelerator="cpu",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                callbacks=[callback],
            )
            inner.validate(self, loader(), verbose=False)
            self.trainer = outer

    callback = regularizer()
    updates = Updates(callback)
    trainer(tmp_path, callback, updates, max_epochs=3).fit(Nested(), loader())
    assert updates.seen == [4, 8, 12]
