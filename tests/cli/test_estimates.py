"""The estimate from the command line, from file to run folder."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from mine_lightning import estimate_mi
from mine_lightning.cli.main import main


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, e = np.random.default_rng(0).normal(size=(2, 400))
    rows = np.stack([x, 0.8 * x + 0.6 * e], axis=1)
    np.save("pairs.npy", rows)
    pd.DataFrame(rows, columns=["height", "weight"]).to_csv("pairs.csv", index=False)
    return rows


SHORT = ["--config", "mi_estimate", "--estimate.max_steps", "20"]


def test_it_prints_the_estimate_and_leaves_a_folder(pairs, tmp_path, capsys):
    assert main([*SHORT, "--data.path", "pairs.npy", "--seed", "3", "--output", "out"]) == 0
    expected = estimate_mi(pairs[:, 0], pairs[:, 1], max_steps=20, seed=3)
    out, err = capsys.readouterr()
    assert str(expected) in out
    assert "fold 3 of 3, step 20" in err
    (folder,) = (tmp_path / "out" / "mi_estimate").iterdir()
    assert folder.name.startswith("default-pairs-seed3-")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.yaml",
        "curve.png",
        "estimate.json",
        "report.html",
    ]
    result = json.loads((folder / "estimate.json").read_text())
    assert result["nats"] == expected.nats
    assert result["settings"]["seed"] == 3
    assert yaml.safe_load((folder / "config.yaml").read_text())["estimate"]["max_steps"] == 20


def test_a_disk_that_fails_does_not_take_the_estimate_with_it(pairs, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([*SHORT, "--data.path", "pairs.npy", "--seed", "3", "--output", "file/out"]) == 2
    out, err = capsys.readouterr()
    assert str(estimate_mi(pairs[:, 0], pairs[:, 1], max_steps=20, seed=3)) in out
    assert "Expected to write the run folder" in err


def test_columns_have_names(pairs, capsys):
    assert main([*SHORT, "--data.path", "pairs.csv", "--data.x", "height", "--data.z", "[weight]"]) == 0
    assert str(estimate_mi(pairs[:, 0], pairs[:, 1], max_steps=20)) in capsys.readouterr().out


def test_checks_are_printed(pairs, capsys):
    assert main([*SHORT, "--data.path", "pairs.npy", "--estimate.checks", "true"]) == 0
    assert "independence     holds: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Expected a file of pairs but got none; give --data.path FILE."),
        (["--data.path", "none.npy"], "there is no 'none.npy'"),
        (["--data.path", "pairs.csv", "--data.x", "heigth", "--data.z", "weight"], "no 'heigth'; nearest: height"),
        (["--data.path", "pairs.npy", "--estimate.fold", "2"], "folds"),
        (["--data.path", "pairs.npy", "--estimate", "3"], "Expected estimate to have keys, such as folds, but got 3"),
        (["--data.path", "pairs.npy", "--estimate.checks", "3"], "Expected checks to be true or false but got 3"),
        (["--data.path", "~nobody-of-that-name/pairs.npy"], "names a user that is not there"),
        (["--data.path", "pairs.npy", "--data.x", "1.0"], "Expected x as column numbers from 0 to"),
        (["--data", "{path: 5}"], "Expected data.path to be a file's path but got 5"),
        (["--data.path", "pairs.npy", "--data.paht", "2"], "path"),
        (["--data.path", "pairs.npy", "--trainer.max_epochs", "2"], "trainer"),
        (["--data.path", "pairs.npy", "--output", ""], "Expected output to be a folder but got ''"),
        (["--data.path", "pairs.npy", "--data.x", "0", "--data.z", "0"], "mutual information is then infinite"),
    ],
)
def test_wrong_input_gets_one_sentence_and_exit_code_2(pairs, capsys, words, message):
    assert main([*SHORT, *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_the_config_can_be_printed(capsys):
    assert main(["--config", "mi_estimate", "--print_config"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["estimate"]["folds"] == 3


def test_its_config_starts_it_again_beside_it_and_it_has_nothing_to_resume(pairs, tmp_path, capsys):
    assert main([*SHORT, "--data.path", "pairs.npy", "--output", "out"]) == 0
    (folder,) = (tmp_path / "out" / "mi_estimate").iterdir()
    assert main(["--config", str(folder / "config.yaml"), "--output", "out"]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mi_estimate"]
    assert main(["--resume", str(folder)]) == 2
    assert f"it has an estimate, which is finished; start another by --config {folder}" in capsys.readouterr().err
