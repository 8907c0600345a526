"""Under `lightning`, Lightning by its other name, the callback does what it does under `pytorch_lightning`."""

import importlib

import pytest
import torch
from cases import assert_same, small_mlp, weights
from torch import nn
from torch.nn.functional import cross_entropy, softplus
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning import MIMonitor, MINERegularizer
from mine_lightning import lightning as unified

pytestmark = pytest.mark.filterwarnings("ignore")
PACKAGES = ["pytorch_lightning", "lightning.pytorch"]
stream = torch.Generator().manual_seed(3)
DATA = TensorDataset(torch.randn(48, 4, generator=stream), torch.randint(2, (48,), generator=stream))


def host_of(L, manual):
    """A classifier, or two networks whose optimizers take turns, of one of the two packages."""

    class Automatic(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = nn.Linear(4, 3), nn.Linear(3, 2)

        def training_step(self, batch, batch_idx):
            z = self.encoder(batch[0])
            noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(batch_idx))  # of a resumed run too
            return cross_entropy(self.head(z + 0.1 * noise), batch[1])

        def validation_step(self, batch, batch_idx):
            self.log("loss", cross_entropy(self.head(self.encoder(batch[0])), batch[1]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.05)

    class Turns(Automatic):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch, batch_idx):
            first, second = self.optimizers()
            z = self.encoder(batch[0])
            for optimizer, sign, code in ((first, 1, z.detach()), (second, -1, z)):
                self.toggle_optimizer(optimizer)
                optimizer.zero_grad()
                self.manual_backward(softplus(sign * self.head(code)).mean())
                optimizer.step()
                self.untoggle_optimizer(optimizer)

        def configure_optimizers(self):
            return [torch.optim.SGD(part.parameters(), lr=0.05) for part in (self.head, self.encoder)]

    return (Turns if manual else Automatic)()


PAIR = ("batch:0", "output:encoder")


def mine(**arguments):
    return MINERegularizer(*PAIR, "maximize", 0.5, statistics_network=small_mlp, **arguments)


def fit(package, folder, manual=False, callbacks=(), epochs=2, checkpoint=None, **arguments):
    L = importlib.import_module(package)
    torch.manual_seed(0)
    host = host_of(L, manual)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    saved = L.callbacks.ModelCheckpoint(folder, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    trainer = L.Trainer(
        accelerator="cpu", max_epochs=epochs, callbacks=[*callbacks, saved], log_every_n_steps=1, **quiet, **arguments
    )
    loaders = DataLoader(DATA, 8), DataLoader(DATA, 24)
    trainer.fit(host, *loaders, ckpt_path=checkpoint)
    return host, {name: value.item() for name, value in trainer.callback_metrics.items()}


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize(
    ("manual", "arguments"),
    [(False, {}), (False, {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1}), (True, {})],
)
def test_weights_and_logs_are_the_same_under_both(tmp_path, manual, arguments, adaptive):
    (ours, logged), (theirs, logged_there) = (
        fit(package, tmp_path / package, manual, [mine(adaptive_clip=adaptive)], **arguments) for package in PACKAGES
    )
    plain, _ = fit("lightning.pytorch", tmp_path / "plain", manual, **arguments)
    assert_same(weights(ours), weights(theirs))
    assert (weights(theirs) - weights(plain)).abs().max() > 1e-4
    assert logged == logged_there
    assert logged.keys() >= {"mine/mi", "mine/g_u", "mine/g_m", "mine/clip", "val/mi", "val/mi_stderr"}


@pytest.mark.parametrize("one", [MINERegularizer, unified.MINERegularizer])
def test_a_resumed_run_is_bitwise_the_uninterrupted_one(tmp_path, one):
    whole, first = mine(), mine()
    resumed = one(*PAIR, "maximize", 0.5, statistics_network=small_mlp)
    uninterrupted, _ = fit("lightning.pytorch", tmp_path / "whole", callbacks=[whole])
    fit("lightning.pytorch", tmp_path / "first", callbacks=[first], epochs=1)
    host, _ = fit("lightning.pytorch", tmp_path, callbacks=[resumed], checkpoint=tmp_path / "first" / "epoch=0.ckpt")
    assert_same(weights(host), weights(uninterrupted))
    assert_same(resumed.state_dict(), whole.state_dict())
    assert not torch.equal(weights(resumed.mine), weights(first.mine))


def test_the_plane_is_the_same_under_both(tmp_path):
    planes = []
    for package in PACKAGES:
        monitor = MIMonitor(["output:encoder"], "batch:0", "batch:1", classes=2, statistics_network=small_mlp)
        fit(package, tmp_path / package, callbacks=[monitor])
        planes.append(monitor.history)
    assert planes[0] == planes[1]
    assert len(planes[0]) == 2


@pytest.mark.parametrize(
    ("package", "of"), [("pytorch_lightning", MINERegularizer), ("lightning.pytorch", unified.MINERegularizer)]
)
def test_the_cli_of_each_package_takes_it_from_a_config(tmp_path, package, of):
    L, cli = importlib.import_module(package), importlib.import_module(f"{package}.cli")

    class Host(type(host_of(L, manual=False))):
        def train_dataloader(self):
            return DataLoader(DATA, 8)

    arguments = {"x": PAIR[0], "z": PAIR[1], "direction": "minimize", "beta": 1e-3}
    arguments["optimizer"] = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}}
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
    callbacks = [{"class_path": f"{of.__module__}.MINERegularizer", "init_args": arguments}]
    trainer = {"max_epochs": 1, "accelerator": "cpu", "callbacks": callbacks, **quiet}
    built = cli.LightningCLI(Host, args={"trainer": trainer}, run=False, save_config_callback=None)
    built.trainer.fit(built.model)
    (found,) = (callback for callback in built.trainer.callbacks if isinstance(callback, MINERegularizer))
    assert type(found) is of
    assert (found.beta, found.direction, found.mine.updates) == (1e-3, "minimize", 6)


def test_both_callbacks_are_those_of_the_package_and_of_lightning():
    from lightning.pytorch import Callback

    for one, other in ((unified.MINERegularizer, MINERegularizer), (unified.MIMonitor, MIMonitor)):
        assert issubclass(one, other)
        assert issubclass(one, Callback)
        # every hook is ours: none of them is shadowed by an empty one of lightning's
        for hook in vars(Callback):
            if not hook.startswith("__"):
                assert getattr(one, hook) is getattr(other, hook)
