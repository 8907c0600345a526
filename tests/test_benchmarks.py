"""The benchmarks can still be started: what they import from the package is there under that name."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_imports(path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    assert importlib.import_module(path.stem).main


def test_one_runs_as_its_docstring_says():
    words = [sys.executable, str(FOLDER / "logging_cost.py"), "--experiment", "gan_25gaussians_mine"]
    done = subprocess.run([*words, "--rounds", "2", "--steps", "3"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "with logging" in done.stdout
    assert "nan" not in done.stdout
