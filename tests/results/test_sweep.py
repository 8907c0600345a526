"""A sweep file is one grid, by W&B's agent and without it: trained once, taken up where it stopped, set in a table."""

import json
import math
import shlex
from datetime import date
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from mine_lightning.cli import arguments
from mine_lightning.errors import InputError
from mine_lightning.results.__main__ import main
from mine_lightning.results.campaign import Planned
from mine_lightning.results.sweep import Sweep, _table, sweep

SHIPPED = sorted((Path(__file__).parents[2] / "configs" / "sweeps").glob("*.yaml"))
SMALL = {
    "program": "train.py",
    "method": "grid",
    "metric": {"name": "val/modes", "goal": "maximize"},
    "parameters": {
        "mine.beta": {"values": [0.1, 1.0]},
        "seed": {"values": [0, 1]},
        "protocol": {"value": "swept"},
    },
    "command": ["${env}", "${interpreter}", "${program}", "--config", "gan_25gaussians_mine", "${args}"],
}


class Trainer:
    """Leaves what train.py would leave: as many modes as ten times beta and the seed.

    Args:
        stop_at: number of the call that leaves a checkpoint but no summary, from 1; 0 for none.
    """

    def __init__(self, stop_at=0):
        self.stop_at, self.calls = stop_at, []

    def __call__(self, words):
        self.calls.append(list(words))
        if words[0] == "--resume":
            folder = Path(words[1])
        else:
            planned = Planned.told(words)
            folder = planned.output.expanduser() / planned.identity["experiment"] / f"run{len(self.calls)}"
            (folder / "checkpoints").mkdir(parents=True)
            (folder / "checkpoints" / "last.ckpt").touch()
            (folder / "run.json").write_text(json.dumps(planned.identity))
            (folder / "words.json").write_text(json.dumps(list(words)))
        if len(self.calls) == self.stop_at:
            return 1
        given = dict(arguments.parse(json.loads((folder / "words.json").read_text())).overrides)
        modes = int(10 * given["mine.beta"]) + given["seed_everything"]
        evaluations = [{"step": 1000, "modes": 25}, {"step": 2000, "modes": modes}]
        summary = json.loads((folder / "run.json").read_text()) | {"metrics": {"modes": 3}, "evaluations": evaluations}
        (folder / "summary.json").write_text(json.dumps(summary))
        return 0


@pytest.fixture
def file(tmp_path):
    return write(tmp_path)


def write(tmp_path, **changed):
    path = tmp_path / "sweep.yaml"
    content = {key: value for key, value in {**SMALL, **changed}.items() if value is not None}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def run(file, trainer):
    sweep([str(file), "--output", str(file.parent / "runs")], trainer)


def test_every_combination_is_trained_in_a_folder_of_its_own(file, capsys):
    trainer = Trainer()
    run(file, trainer)
    pairs = [(words[3], words[5]) for words in trainer.calls]
    assert pairs == [("0.1", "0"), ("0.1", "1"), ("1.0", "0"), ("1.0", "1")]
    assert all(words[:2] == ["--config", "gan_25gaussians_mine"] for words in trainer.calls)
    assert all(words[6:8] == ["--protocol", "swept"] for words in trainer.calls)
    assert len(list(file.parent.glob("runs/gan_25gaussians_mine/*/summary.json"))) == 4
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["mine.beta", "seed", "val/modes", "run", "folder"] in lines
    found = [line[:-1] for line in lines if line and line[-1].endswith(("run1", "run2", "run3", "run4"))][:4]
    assert found == [["0.1", "0", "1"], ["0.1", "1", "2"], ["1.0", "0", "10"], ["1.0", "1", "11", "best"]]
    assert any(line[:3] == ["side", "by", "side:"] and len(line) == 11 for line in lines)


def test_a_stopped_sweep_goes_on_where_it_stopped(file, capsys):
    trainer = Trainer(stop_at=2)
    with pytest.raises(InputError, match="to finish but it stopped with exit code 1"):
        run(file, trainer)
    run(file, trainer)
    stopped = file.parent / "runs" / "gan_25gaussians_mine" / "run2"
    assert trainer.calls[2] == ["--resume", str(stopped)]
    assert len(trainer.calls) == 5
    capsys.readouterr()
    run(file, trainer)  # nothing is left to do but the table
    assert len(trainer.calls) == 5
    assert "best" in capsys.readouterr().out


def test_the_least_is_best_where_the_goal_is_to_minimize(tmp_path, capsys):
    run(write(tmp_path, metric={"name": "val/modes", "goal": "minimize"}), Trainer())
    (best,) = [line.split() for line in capsys.readouterr().out.splitlines() if " best " in line]
    assert best[:3] == ["0.1", "0", "1"]


@pytest.mark.parametrize(("goal", "best"), [("minimize", 0.25), ("maximize", 0.5)])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_run_that_diverged_is_not_the_best_wherever_it_stands(goal, best, bad):
    grid = Sweep((), {"a": [0, 1, 2, 3]}, "val/kl", goal)
    values = [bad, 0.5, 0.25, bad]
    rows = [({"a": at}, {"val/kl": value}, Path("run")) for at, value in enumerate(values)]
    (found,) = [line.split() for line in _table(grid, rows, "").splitlines() if " best " in line]
    assert found[1] == str(best)
    assert " best " not in _table(grid, [rows[0], rows[3]], "")


def test_the_line_to_compare_can_be_pasted_where_a_folder_has_a_space(tmp_path, capsys):
    sweep([str(write(tmp_path)), "--output", str(tmp_path / "my runs")], Trainer())
    words = shlex.split(capsys.readouterr().out.splitlines()[-1].partition(" compare ")[2])
    assert [Path(word).name for word in words] == ["run1", "run2", "run3", "run4"]


def test_a_home_folder_behind_an_equals_sign_is_found_again(file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    trainer = Trainer()
    for _ in range(2):
        sweep([str(file), "--output=~/runs"], trainer)
    assert len(trainer.calls) == 4


def test_without_a_metric_all_of_the_test_is_told(tmp_path, capsys):
    run(write(tmp_path, metric=None), Trainer())
    out = capsys.readouterr().out
    assert "test/modes" in out
    assert "best" not in out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"method": "bayes"}, "Expected method in .* to be grid but got 'bayes'; other methods need W&B"),
        ({"method": None}, "Expected method in .* to be grid but got None"),
        ({"program": "fit.py"}, "Expected program in .* to be train.py but got 'fit.py'"),
        ({"early_terminate": {"type": "hyperband"}}, "Expected one of the keys of .* but got 'early_terminate'"),
        ({"parameters": {}}, "Expected parameters in .* to name overrides"),
        ({"parameters": {"seed": 3}}, "Expected seed in .* to have a value or values but got 3"),
        ({"parameters": {"seed": {"min": 0, "max": 3}}}, "Expected one of the keys of seed in .* but got 'min'"),
        ({"parameters": {"seed": {"values": []}}}, "Expected the values of seed in .* to be a list but got \\[\\]"),
        ({"parameters": {"seed": {"value": 1, "values": [2]}}}, "to have either a value or values"),
        ({"parameters": {"output": {"value": "there"}}}, "give --output behind the sweep's file"),
        ({"parameters": {"mine.betta": {"values": [1]}}}, "got 'betta'; did you mean 'beta'"),
        ({"parameters": {"mine.beta": {"values": [1, 1.0]}}}, "compute different things but .* are the same run"),
        ({"metric": "kl"}, "Expected metric in .* to have a name and a goal but got 'kl'"),
        ({"metric": {"name": "kl"}}, "to be named test/... or val/... as it is logged but got 'kl'"),
        ({"metric": {"name": "val/kl", "goal": "least"}}, "minimize or maximize but got 'least'"),
        ({"metric": {"name": "val/kl", "goal": ["minimize"]}}, r"minimize or maximize but got \['minimize'\]"),
        ({"parameters": {"protocol": {"value": date(2024, 1, 2)}}}, r"got datetime\.date\(.*\); put it in quotes"),
        ({"parameters": {"mine.beta": {"values": [1, {"a": date(2024, 1, 2)}]}}}, "a command line can have but got"),
        ({"command": None}, "Expected --config NAME in `train.py "),
        ({"command": ["python", "train.py"]}, "Expected command in .* to be .*words of train.py"),
        ({"command": ["${program}", "${args_json}", "${args}"]}, "Expected command in .* to be .*words of train.py"),
    ],
)
def test_what_is_no_grid_over_train_py_is_told_before_anything_is_trained(tmp_path, changed, message):
    trainer = Trainer()
    with pytest.raises(InputError, match=message) as caught:
        run(write(tmp_path, **changed), trainer)
    assert "\n" not in str(caught.value)
    assert not trainer.calls


def test_an_unknown_metric_is_told_after_the_first_run_which_stays(tmp_path, capsys):
    trainer = Trainer()
    with pytest.raises(InputError, match="but the sweep names 'val/mode'; they have: test/modes, val/modes; correct"):
        run(write(tmp_path, metric={"name": "val/mode"}), trainer)
    assert len(trainer.calls) == 1
    run(write(tmp_path), trainer)
    assert len(trainer.calls) == 4


def test_a_file_that_is_not_there(capsys):
    assert main(["sweep", "nowhere.yaml"]) == 2
    assert "Expected YAML in nowhere.yaml but it can't be read" in capsys.readouterr().err


def test_a_sweep_may_be_over_schedules(tmp_path):
    schedules = [{0: 0.0, 2: 1.0}, {0: 1.0, 1.5: 0.0}]
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(SMALL | {"parameters": {"mine.beta": {"values": schedules}}}))
    grid = Sweep.read(path)
    found = [arguments.parse(list(grid.words(combination, "runs"))) for combination in grid.combinations]
    assert [dict(request.overrides)["mine.beta"] for request in found] == schedules
    hashes = {
        Planned.told(grid.words(combination, "runs")).identity["config_hash"] for combination in grid.combinations
    }
    assert len(hashes) == 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_wandb_starts_the_same_runs_of_the_shipped_files(path):
    grid, content = Sweep.read(path), yaml.safe_load(path.read_text())
    assert grid.varied
    for combination in grid.combinations:
        agent = create_sweep_command_args({"args": {name: {"value": value} for name, value in combination.items()}})
        command = create_sweep_command(content["command"])
        words = [word for part in command for word in (agent["args"] if part == "${args}" else [part])]
        theirs = arguments.parse(words[words.index("${program}") + 1 :])
        ours = arguments.parse(list(grid.words(combination, "runs")))
        assert theirs.configs == ours.configs
        assert [*theirs.overrides, ("output", "runs")] == ours.overrides
        Planned.told(grid.words(combination, "runs"))


def test_a_damaged_summary_is_told(file):
    run(file, Trainer())
    next(file.parent.glob("runs/gan_25gaussians_mine/*/summary.json")).write_text("{")
    with pytest.raises(InputError, match=r"Expected experiment, .* in .*summary.json but it is damaged"):
        run(file, Trainer())
