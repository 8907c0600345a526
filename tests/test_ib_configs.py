"""The bottleneck table's configs: all rows train under all protocols, and differ by what their names say alone."""

import copy
import json

import pytest
import torch
from cases import assert_same, trainer, weights

from mine_lightning.cli import build, checks, configs, main
from mine_lightning.hosts.classification import ConfidencePenalty, CrossEntropy, LabelSmoothing, VariationalBottleneck
from mine_lightning.hosts.classifier import Classifier
from mine_lightning.networks import AdditiveEncoder, DeterministicEncoder, NormalEncoder, PropagatedEncoder
from mine_lightning.networks.statistics import GaussianNoise
from mine_lightning.results.sections import BETAS

# encoder, loss, whether there is a term
ROWS = {
    "baseline": (DeterministicEncoder, CrossEntropy, False),
    "dropout": (DeterministicEncoder, CrossEntropy, False),
    "confidence_penalty": (DeterministicEncoder, ConfidencePenalty, False),
    "label_smoothing": (DeterministicEncoder, LabelSmoothing, False),
    "dvb": (NormalEncoder, VariationalBottleneck, False),
    "dvb_noise": (NormalEncoder, VariationalBottleneck, False),
    "mine_gaussian": (NormalEncoder, CrossEntropy, True),
    "mine_propagated": (PropagatedEncoder, CrossEntropy, True),
    "mine_additive": (AdditiveEncoder, CrossEntropy, True),
}
every_row = pytest.mark.parametrize("row", ROWS)


def load(row, *overlays):
    config = configs.load(configs.find(f"ib_mnist_{row}"))
    for overlay in overlays:
        config = configs.merge(config, configs.load(configs.find(overlay)))
    return config


def built(config):
    checks.check_names(config)
    return build.instantiate(build.resolve({**config, "trainer": {}}))


def test_there_are_nine():
    assert {path.stem for path in configs.shipped() if path.stem.startswith("ib_mnist")} == {
        f"ib_mnist_{r}" for r in ROWS
    }


@every_row
def test_a_row_is_what_its_name_says(row):
    parts, (encoder, loss, term) = built(load(row)), ROWS[row]
    assert type(parts.model.encoder) is encoder
    assert type(parts.model.loss) is loss
    assert (parts.mine is not None) == term
    dropped = [m for m in parts.model.encoder.modules() if isinstance(m, torch.nn.Dropout) and m.p > 0]
    assert bool(dropped) == (row == "dropout")
    noisy = [m for m in parts.model.encoder.modules() if isinstance(m, GaussianNoise) and m.std > 0]
    assert bool(noisy) == (row in ("dvb_noise", "mine_additive"))


def test_rows_share_all_but_encoder_loss_and_term():
    def shared(config):
        model = {k: v for k, v in config["model"]["init_args"].items() if k not in ("encoder", "loss")}
        return {**copy.deepcopy(config), "model": model, "mine": None}

    first, *others = (shared(load(row)) for row in ROWS)
    assert all(other == first for other in others)
    terms = [load(row)["mine"] for row, (*_, term) in ROWS.items() if term]
    assert [term.pop("beta") for term in terms] == [1e-2, 1e-2, 1e-3]  # each row's own choice, see results/TUNING.md
    gaussian, propagated, additive = terms
    assert propagated == additive
    # of the Gaussian code T sees the mean in place of the pixels
    assert gaussian["x"] == "output:encoder[1]"
    assert gaussian["statistics_network"]["class_path"].endswith("NoisyCopyStatistics")
    assert {key for key in gaussian if gaussian[key] != additive.get(key)} == {
        *("x", "statistics_network", "bound", "pairing", "optimizer")
    }


def test_the_recipe():
    parts = built(load("mine_additive"))
    assert (parts.model.weight_averaging, parts.model.posterior_samples, parts.data.batch_size) == (0.999, 12, 100)
    (optimizer,), (schedule,) = parts.model.configure_optimizers()
    assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (3e-4, (0.5, 0.999))
    assert schedule.gamma**60 == pytest.approx(0.97**100, rel=0.04)  # both end at a twentieth
    assert parts.data.held_out == 0
    assert (parts.mine.x, parts.mine.z, parts.mine.direction) == ("batch:0", "input:decoder", "minimize")
    T = parts.mine.statistics_network((784,), (256,))
    assert [m.std for m in T.modules() if isinstance(m, GaussianNoise)] == [0.3, 0.5, 0.5]
    assert [m.out_features for m in T.modules() if isinstance(m, torch.nn.Linear)] == [512, 512, 1]


def test_both_averages_can_be_switched_off_one_by_one():
    weight, posterior = (built(load("dvb", f"ib_no_{name}_averaging")).model for name in ("weight", "posterior"))
    assert (weight.weight_averaging, weight.posterior_samples) == (None, 12)
    assert (posterior.weight_averaging, posterior.posterior_samples) == (0.999, 1)


@every_row
def test_every_row_trains_on_all_and_is_validated_where_digits_are_held_out(tmp_path, row):
    config = load(row)
    config["data"]["init_args"] |= {"train_size": 16, "batch_size": 8, "eval_size": 8}
    config["model"]["init_args"]["encoder"].setdefault("init_args", {})["hidden"] = [16]
    for held_out in (0, 8):
        config["data"]["init_args"]["held_out"] = held_out
        parts = built(config)
        before = weights(parts.model)
        run = trainer(tmp_path, *([] if parts.mine is None else [parts.mine]), limit_train_batches=2)
        run.fit(parts.model, datamodule=parts.data)
        assert (weights(parts.model) - before).abs().max() > 0
        assert weights(parts.model).isfinite().all()
        assert ("mine/mi" in run.callback_metrics) == (parts.mine is not None)
        assert ("val/error_percent" in run.callback_metrics) == (held_out > 0)


@pytest.mark.filterwarnings("ignore")  # Lightning's, on a smoke run's few batches
def test_the_command_leaves_a_result_with_its_test_error_and_goes_on_where_it_stopped(tmp_path, capsys, monkeypatch):
    words = ["--config", "ib_mnist_mine_gaussian", "--config", "smoke", "--data.held_out", "64"]
    words += ["--model.encoder.hidden", "[16]", "--trainer.check_val_every_n_epoch", "2"]
    words += ["--trainer.max_epochs", "4", "--output"]
    assert main([*words, str(tmp_path / "whole")]) == 0
    assert "perfect generator" not in capsys.readouterr().out
    whole = folder_in(tmp_path / "whole")
    summary = json.loads((whole / "summary.json").read_text())
    assert set(summary["metrics"]) == {
        *("test_error_percent", "test_error_percent_stderr", "fgsm_error_percent", "noisy_error_percent"),
        *("mi_lower", "mi_lower_stderr", "mi_upper", "mi_upper_stderr", "mi_limit", "mi", "mi_stderr"),
    }
    assert [point["step"] for point in summary["evaluations"]] == [8, 16]
    assert "error_percent" in summary["evaluations"][0]
    # one kept for each evaluation, and the last, which is written after each epoch
    kept = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert kept == ["epoch-001.ckpt", "epoch-003.ckpt", "last.ckpt"]
    assert saved(whole)["epoch"] == 3

    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "training_step", stop_in_the_last_epoch)
        with pytest.raises(ZeroDivisionError):
            main([*words, str(tmp_path / "stopped")])
    stopped = folder_in(tmp_path / "stopped")
    assert saved(stopped)["epoch"] == 2
    assert main(["--resume", str(stopped)]) == 0
    assert json.loads((stopped / "summary.json").read_text())["metrics"] == summary["metrics"]
    for part in ("state_dict", "current_model_state", "averaging_state"):
        assert_same(dict(saved(stopped)[part]), dict(saved(whole)[part]))


def folder_in(path):
    (folder,) = (path / "ib_mnist_mine_gaussian").iterdir()
    return folder


def saved(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def stop_in_the_last_epoch(self, batch, batch_idx, step=Classifier.training_step):
    return step(self, batch, batch_idx) if self.current_epoch < 3 else 1 / 0


def test_the_runs_over_beta_differ_in_beta_alone():
    loaded = {beta: load("mine_gaussian", f"ib_beta_{beta}") for beta in BETAS}
    assert [config["mine"].pop("beta") for config in loaded.values()] == [0, 1e-4, 1e-3, 1e-2, 1e-1]
    assert [config.pop("protocol") for config in loaded.values()] == [f"ib_beta_{beta}" for beta in BETAS]
    first, *others = loaded.values()
    assert all(other == first for other in others)
    assert first["data"]["init_args"]["held_out"] == 10000  # else MINE's own value would not be read
