"""The README's code runs, and its numbers are those of ``results/``."""

import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest
import torch

from mine_lightning import results

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=["attach", "watch", "estimate", "by hand"])
def test_every_python_block_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    out = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(out):
        warnings.simplefilter("ignore")
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    if "monitor.plot" in block:
        assert (tmp_path / "plane.png").stat().st_size > 5000
    if "0.51 nats" in block:
        value = float(re.search(r"^(?:tensor\()?([\d.]+)\)? ±", out.getvalue(), re.MULTILINE).group(1))
        assert value == pytest.approx(0.51, abs=0.06)


def test_the_table_is_the_one_that_the_results_give():
    assert results.main_table() in README


def test_the_yaml_block_is_that_of_the_main_job():
    import yaml

    from mine_lightning.cli import configs

    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    quoted = yaml.safe_load(block)["mine"]
    shipped = configs.load(configs.find("gan_stacked_mnist"))["mine"]
    assert all(shipped[key] == value for key, value in quoted.items())
