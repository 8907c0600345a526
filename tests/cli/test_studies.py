"""A study from the command line, from config to run folder, and on from where it stopped."""

import json
import math

import pytest
import yaml
from small_studies import STUDIES

from mine_lightning.cli.main import main
from mine_lightning.cli.studies import _errors, _points
from mine_lightning.results import RESULTS
from mine_lightning.studies import Reading, Row


def words(name, out):
    return ["--config", name, *STUDIES[name], "--output", str(out)]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs_and_leaves_a_folder(name, tmp_path, capsys):
    assert main(words(name, tmp_path)) == 0
    (folder,) = (tmp_path / name).iterdir()
    locks = {".lock", ".rows.csv.lock"}  # which filelock leaves or takes away, by version
    assert {path.name for path in folder.iterdir()} - locks == {
        "config.yaml",
        "figure.png",
        "report.html",
        "rows.csv",
        "run.json",
        "summary.json",
    }
    summary = json.loads((folder / "summary.json").read_text())
    estimators = list(yaml.safe_load((folder / "config.yaml").read_text())["estimators"])
    assert list(summary["metrics"]) == estimators
    for point in summary["points"]:
        for estimator in estimators:  # of a few steps on a few pairs: far from the truth, and finite
            assert abs(point[estimator][0] - point["truth"]) < 5
    printed = capsys.readouterr().out
    assert "mean absolute error" in printed
    assert str(folder) in printed


def test_an_error_is_the_mean_of_absolute_ones_and_a_point_the_mean_over_its_data_sets():
    found = [(0.5, 0, 1.0, 1.5), (0.5, 1, 1.0, 0.8), (0.9, 0, 2.0, 2.2)]  # place, data set, truth, estimate
    rows = [Row("p", at, 100, dataset, truth, "A", nats, math.nan, 1.0) for at, dataset, truth, nats in found]
    assert _errors(rows) == {"A": 0.3}
    assert _points(rows) == [
        {"panel": "p", "at": 0.5, "n": 100, "truth": 1.0, "A": [1.15, 0.35]},
        {"panel": "p", "at": 0.9, "n": 100, "truth": 2.0, "A": [2.2, None]},
    ]


def test_the_metrics_are_the_errors_of_the_points(tmp_path):
    main(words("mi_gaussian_2d", tmp_path))
    (folder,) = (tmp_path / "mi_gaussian_2d").iterdir()
    summary = json.loads((folder / "summary.json").read_text())
    (point,) = summary["points"]
    for name, error in summary["metrics"].items():
        assert error == pytest.approx(abs(point[name][0] - point["truth"]), abs=2e-4)


def test_a_killed_study_resumes_without_doing_anything_twice(tmp_path, capsys):
    main(words("mi_gaussian_2d", tmp_path))
    (folder,) = (tmp_path / "mi_gaussian_2d").iterdir()
    rows = (folder / "rows.csv").read_text().splitlines(keepends=True)
    (folder / "rows.csv").write_text("".join(rows[:3]))
    before = (folder / "summary.json").read_text()
    (folder / "summary.json").unlink()
    capsys.readouterr()
    assert main(["--resume", str(folder)]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert [line.split()[0] for line in told] == ["[3/4]", "[4/4]"]
    after = json.loads((folder / "summary.json").read_text())
    assert after["metrics"] == json.loads(before)["metrics"]


def test_an_edit_that_is_refused_or_taken_back_marks_no_study(tmp_path, capsys):
    main(words("mi_gaussian_2d", tmp_path))
    (folder,) = (tmp_path / "mi_gaussian_2d").iterdir()
    before, config = (folder / "summary.json").read_text(), (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("0.5", "0.25"))
    assert main(["--resume", str(folder)]) == 2
    assert "Expected rows of this study" in capsys.readouterr().err
    (folder / "config.yaml").write_text(config)
    assert main(["--resume", str(folder)]) == 0
    assert json.loads((folder / "summary.json").read_text())["config_hash"] == json.loads(before)["config_hash"]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_estimate_that_is_not_finite_ends_no_study(bad, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mine_lightning.studies.NearestNeighbours.__call__", lambda *_: Reading(bad, math.nan))
    assert main([*words("mi_gaussian_2d", tmp_path), "--study.datasets", "2"]) == 0
    (folder,) = (tmp_path / "mi_gaussian_2d").iterdir()
    (point,) = json.loads((folder / "summary.json").read_text())["points"]
    assert str(point["k-NN"]) == str([bad, math.nan])
    assert f"{bad:.3f} ± nan" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (["--study.rho", "[1.0]"], "every rho in (-1, 1) but got 1.0"),
        (["--study.roh", "[0.5]"], "'roh'; did you mean 'rho'?"),
        (["--estimators.k-NN.k", "many"], "Expected int for estimators.k but got 'many'"),
        (["--estimators", "null"], "Expected estimators to be named but got None"),
        (["--study", "null"], "Expected study to have a class_path but got None"),
        (["--trainer.max_epochs", "2"], "'trainer'"),
        (["--seed", "-1"], "Expected a seed from 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_wrong_input_is_told_in_one_line(override, message, tmp_path, capsys):
    assert main([*words("mi_gaussian_2d", tmp_path), *override]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_stopped_study_says_how_to_go_on_and_does(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mine_lightning.studies.NearestNeighbours.__call__", interrupted)
        patch.setattr("mine_lightning.studies.CrossFitted.__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            main(words("mi_consistency", tmp_path))
    (folder,) = (tmp_path / "mi_consistency").iterdir()
    assert f"Go on with: python train.py --resume {folder}" in capsys.readouterr().err
    assert main(["--resume", str(folder)]) == 0  # though it had no row yet


def test_a_config_is_printed(capsys):
    assert main(["--config", "mi_gaussian_2d", "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["study"]["init_args"]["dims"] == 2
    assert printed["estimators"]["MINE"]["init_args"]["folds"] == 3  # a default that the file leaves out
    assert main(["--config", "mi_gaussian_2d", "--print_config", "--study.nonsense", "3"]) == 2


@pytest.mark.parametrize("name", STUDIES)
def test_a_kept_study_belongs_to_its_config_and_has_its_picture(name):
    from mine_lightning.cli import configs, studies

    identity = studies.identify(configs.load(configs.find(name)), name)
    kept = json.loads((RESULTS / name / "default-drawn-seed0.json").read_text())
    assert {key: kept[key] for key in identity} == identity
    assert (RESULTS / "pictures" / f"{name}.png").is_file()
