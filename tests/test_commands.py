"""Every command of the README and the documentation does what it says: run, or shortened, or read as it would be run."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from blocks import blocks
from small_studies import STUDIES

from mine_lightning.cli.main import main
from mine_lightning.results.__main__ import main as results
from mine_lightning.results.campaign import Planned
from mine_lightning.results.sweep import Sweep

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINES = [
    line
    for page in PAGES
    for block in blocks(page.read_text(), "bash")
    for part in block.splitlines()
    for line in part.split(" && ")
    if line and not line.startswith("#")
]
COMMANDS = list(dict.fromkeys(tuple(shlex.split(line, comments=True)) for line in LINES))
TRAIN = [words[2:] for words in COMMANDS if words[:2] == ("python", "train.py")]
RESULTS = [words[3:] for words in COMMANDS if words[:3] == ("python", "-m", "mine_lightning.results")]
SHORT = {**STUDIES, "mi_estimate": ["--estimate.max_steps", "5"]}
# what is installed, checked or measured elsewhere: by the continuous integration itself, or by test_benchmarks
ELSEWHERE = {"pip", "pytest", "ruff", "mypy", "mkdocs"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the commands name, which keeps what they leave for each other."""
    folder = tmp_path_factory.mktemp("commands")
    pairs = np.random.default_rng(0).normal(size=(300, 3))
    np.save(folder / "pairs.npy", pairs[:, :2])
    pd.DataFrame(pairs, columns=["height", "weight", "age"]).to_csv(folder / "people.csv", index=False)
    return folder


@pytest.fixture
def here(place, monkeypatch):
    """The folder, as the working directory, with one cache of judges for all commands."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("MINE_LIGHTNING_CACHE", str(place / "cache"))
    return place


def small(words):
    """Return a command of train.py, shortened."""
    if "--config" not in words:
        return words
    name = words[words.index("--config") + 1].removesuffix(".yaml")
    return (*words, *SHORT.get(name, ["--config", "smoke"]))


def run_of(words):
    """Put the one run that there is in the place of an ellipsis."""
    return [str(next(Path(word[:-4]).iterdir())) if word.endswith("/...") else word for word in words]


def test_no_command_is_left_out():
    assert len(TRAIN) > 10
    assert len(RESULTS) > 5
    known = {("python", "train.py"), ("python", "-m")}
    assert {words[0] for words in COMMANDS if words[:2] not in known} <= ELSEWHERE
    assert {words[2] for words in COMMANDS if words[:2] == ("python", "-m")} == {"mine_lightning.results"}


@pytest.mark.filterwarnings("ignore")  # Lightning's, on a smoke run's few batches
@pytest.mark.parametrize("words", [words for words in TRAIN if "--trainer.devices" not in words], ids=" ".join)
def test_a_training_or_an_estimate_runs(words, here, capsys):
    if "--resume" in words and not (here / "runs" / "gan_stacked_mnist").is_dir():
        main(["--config", "gan_stacked_mnist", "--config", "smoke"])
    assert main(run_of(small(words))) == 0


@pytest.mark.parametrize("words", [words for words in TRAIN if "--trainer.devices" in words], ids=" ".join)
def test_two_processes_train(words, here):
    command = [sys.executable, str(ROOT / "train.py"), *small(words), "--trainer.accelerator", "cpu", "--output", "two"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, cwd=here, check=True, timeout=200, capture_output=True)
    assert list((here / "two").rglob("summary.json"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("words", RESULTS, ids=" ".join)
def test_a_command_of_results_runs_or_is_planned(words, here, capsys):
    match words:
        case ("compare", *_):
            for experiment in ("gan_stacked_mnist", "gan_stacked_mnist_dcgan"):
                if not (here / "runs" / experiment).is_dir():
                    assert main(["--config", experiment, "--config", "smoke"]) == 0
            assert results(run_of(words)) == 0
            assert (here / "both.html").is_file()
        case ("run", *names, "--protocol", protocol, "--seeds", _, _):
            for name in names:
                assert Planned.of(name, protocol, 0, "runs").identity["protocol"] == protocol
        case ("sweep", file):
            assert len(Sweep.read(ROOT / file).combinations) > 1
        case ("draw",):
            if not list((ROOT / "results" / "ib_mnist_mine_gaussian").glob("ib_beta_*")):
                assert "(none yet)" in (ROOT / "README.md").read_text()
        case ("keep", "RUN") | ("workspace", *_) | ():
            pass  # these write into results/, or to a server: tests/results
        case _:
            pytest.fail(f"no test knows {words}")
