"""A training of classes that a user brings: an ordinary classifier and loader, with what Lightning offers for them."""

import json
import re
import textwrap

import pytest
import torch
import yaml
from cases import assert_same

from mine_lightning import load_host
from mine_lightning.cli import main
from mine_lightning.errors import InputError

CODE = """
from pathlib import Path

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler

ORDER = []
stream = torch.Generator().manual_seed(1)
DATA = TensorDataset(torch.randn(64, 4, generator=stream), torch.randint(2, (64,), generator=stream))


class Own(LightningModule):
    def __init__(self, vocabulary: Path = Path("words.txt"), fails: bool = False):
        super().__init__()
        self.save_hyperparameters()
        self.encoder, self.head = torch.nn.Linear(4, 3), torch.nn.Linear(3, 2)
        if fails:
            try:
                {}["absent"]
            except KeyError:  # what is caught is no mistake
                vocabulary + 1

    def training_step(self, batch, batch_idx):
        ORDER.append((self.current_epoch, batch[0].sum().item()))
        return torch.nn.functional.cross_entropy(self.head(self.encoder(batch[0])), batch[1])

    def validation_step(self, batch, batch_idx):
        self.encoder(batch[0])
        self.log("val/nmi", 1.0)
        self.log("val/norm", self.encoder.weight.norm())

    def test_step(self, batch, batch_idx, dataloader_idx=0):
        self.log("test/nmi", 2.0)
        self.log("test/norm", self.encoder.weight.norm())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class Data(LightningDataModule):
    dataset_name = "own/data"

    def __init__(self, test_loaders: int = 1, kind: str = "shuffled"):
        super().__init__()
        self.test_loaders, self.kind = test_loaders, kind

    def train_dataloader(self):
        kinds = {
            "shuffled": dict(shuffle=True),
            "weighted": dict(sampler=WeightedRandomSampler([1.0] * 64, 64)),
            "within a batch sampler": dict(batch_sampler=BatchSampler(RandomSampler(DATA), 16, drop_last=False)),
            "two workers": dict(shuffle=True, num_workers=2),
        }
        arguments = kinds[self.kind]
        return DataLoader(DATA, **({} if "batch_sampler" in arguments else {"batch_size": 16}), **arguments)

    def val_dataloader(self):
        return DataLoader(DATA, 16)

    def test_dataloader(self):
        return [DataLoader(DATA, 16) for _ in range(self.test_loaders)]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A function from changes of the config, and more words, to the folder of the run and the order of its batches."""
    (tmp_path / "own_classes.py").write_text(textwrap.dedent(CODE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    import own_classes

    def run(*words, name="own", **trainer):
        config = {
            "model": {"class_path": "own_classes.Own"},
            "data": {"class_path": "own_classes.Data"},
            "mine": {"x": "batch:0", "z": "output:encoder", "direction": "minimize", "beta": 0.01},
            "trainer": {"max_epochs": 3, "accelerator": "cpu", "num_sanity_val_steps": 0, **trainer},
        }
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(config))
        own_classes.ORDER.clear()
        assert main(["--config", str(file), "--output", str(tmp_path / "runs"), *words]) == 0
        (folder,) = (tmp_path / "runs" / name).iterdir()
        return folder

    yield run
    import sys

    sys.modules.pop("own_classes")


def metrics(folder):
    return json.loads((folder / "summary.json").read_text())["metrics"]


def test_hyperparameters_of_any_kind_are_tested_resumed_and_loaded_by_whoever_trusts_them(own):
    folder = own()
    before = metrics(folder)
    assert (before["nmi"], "mi" in before, "mi_stderr" in before) == (2.0, True, True)  # val/nmi is none of ours
    (folder / "summary.json").unlink()
    assert main(["--resume", str(folder)]) == 0
    assert metrics(folder) == before
    with pytest.raises(InputError, match=r"tensors and plain values .* give load_host weights_only=False"):
        load_host(folder)
    assert load_host(folder, weights_only=False).encoder.weight.norm().item() == pytest.approx(before["norm"], abs=1e-4)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(
    ("kind", "trainer"),
    [
        ("shuffled", {}),
        ("shuffled", {"reload_dataloaders_every_n_epochs": 1}),
        ("weighted", {}),
        ("within a batch sampler", {}),
        ("two workers", {}),
    ],
)
def test_a_resumed_run_draws_the_order_that_a_loader_would_have_had(own, kind, trainer):
    import own_classes

    whole = own("--data.kind", kind, **trainer)
    full, kept = list(own_classes.ORDER), torch.load(whole / "checkpoints" / "last.ckpt", weights_only=False)
    epochs = [[value for at, value in full if at == epoch] for epoch in range(3)]
    assert len({tuple(values) for values in epochs}) == 3
    first = whole / "checkpoints" / "epoch-000.ckpt"
    (whole / "checkpoints" / "last.ckpt").write_bytes(first.read_bytes())
    own_classes.ORDER.clear()
    assert main(["--resume", str(whole)]) == 0
    assert [entry for entry in full if entry[0] > 0] == own_classes.ORDER
    again = torch.load(whole / "checkpoints" / "last.ckpt", weights_only=False)
    assert_same(again["state_dict"], kept["state_dict"])


def test_a_checkpoint_callback_that_is_told_no_folder_has_one_in_the_runs(own):
    best = {"class_path": "ModelCheckpoint", "init_args": {"monitor": "val/norm", "every_n_train_steps": 2}}
    folder = own(callbacks=[best])
    assert (folder / "metrics.csv").is_file()
    assert [file.suffix for file in (folder / "callbacks" / "checkpoints").iterdir()] == [".ckpt"]


def test_a_checkpoint_callback_may_be_like_the_runs_own(own):
    folder = own(callbacks=[{"class_path": "ModelCheckpoint", "init_args": {"save_top_k": -1}}])
    assert len(list((folder / "callbacks" / "checkpoints").iterdir())) == 3


def test_every_test_loader_counts_and_a_data_sets_name_is_one_folder(own):
    folder = own("--data.test_loaders", "2")
    assert {"nmi/dataloader_idx_0", "nmi/dataloader_idx_1"} <= set(metrics(folder))
    assert "-own-data-seed0-" in folder.name


def test_lightnings_own_average_is_tested_as_it_is_saved(own):
    folder = own(callbacks=[{"class_path": "EMAWeightAveraging", "init_args": {"decay": 0.9}}])
    saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=False)
    averaged, trained = (saved[key]["encoder.weight"].norm().item() for key in ("state_dict", "current_model_state"))
    assert metrics(folder)["norm"] == pytest.approx(averaged, abs=1e-4)
    assert abs(averaged - trained) > 1e-3
    assert not (folder / "warnings.txt").is_file() or "WeightAveraging" not in (folder / "warnings.txt").read_text()


@pytest.mark.filterwarnings("ignore:there is no held-out value yet")
def test_an_average_that_never_began_is_told(own):
    with pytest.warns(UserWarning, match="the average of EMAWeightAveraging never began: what is validated"):
        own(callbacks=[{"class_path": "EMAWeightAveraging", "init_args": {"update_starting_at_step": 1000}}])


def test_an_average_that_comes_after_the_last_checkpoint_is_told(own):
    with pytest.warns(UserWarning, match="AveragedWeights is tested and saved"):
        own(callbacks=[{"class_path": "StochasticWeightAveraging", "init_args": {"swa_lrs": 0.01}}])


def test_a_mistake_in_a_users_class_is_told_with_its_place(own, capsys):
    with pytest.raises(AssertionError):
        own("--model.fails", "true")
    line = 1 + textwrap.dedent(CODE).splitlines().index("                vocabulary + 1")
    assert re.search(rf"unsupported operand.* \(TypeError at .*own_classes\.py:{line}\)", capsys.readouterr().err)


def test_a_module_that_can_not_be_imported_is_told_apart_from_one_that_is_not_there(own, tmp_path, capsys):
    (tmp_path / "needs_more.py").write_text("import nothing_of_this_name\n")
    for place, expected in {
        "needs_more": r"'needs_more' can't be imported \(No module named 'nothing_of_this_name'\)",
        "not_there": r"there is no module 'not_there' .* or name its folder in PYTHONPATH",
    }.items():
        with pytest.raises(AssertionError):
            own("--model.class_path", f"{place}.Own")
        assert re.search(expected, capsys.readouterr().err)
