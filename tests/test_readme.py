"""The README's code runs, and its numbers are those of ``results/``."""

import re
from pathlib import Path

import pytest
from blocks import blocks, run

from mine_lightning import results

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = blocks(README, "python")


@pytest.mark.parametrize("block", BLOCKS, ids=["attach", "watch", "estimate", "by hand"])
def test_every_python_block_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = run(block, "README.md")
    if "monitor.plot" in block:
        assert (tmp_path / "plane.png").stat().st_size > 5000
    if "0.51 nats" in block:
        value = float(re.search(r"^(?:tensor\()?([\d.]+)\)? ±", out, re.MULTILINE).group(1))
        assert value == pytest.approx(0.51, abs=0.06)


def test_the_table_is_the_one_that_the_results_give():
    assert results.main_table() in README


def test_the_yaml_block_is_that_of_the_main_job():
    import yaml

    from mine_lightning.cli import configs

    (block,) = blocks(README, "yaml")
    quoted = yaml.safe_load(block)["mine"]
    shipped = configs.load(configs.find("gan_stacked_mnist"))["mine"]
    assert all(shipped[key] == value for key, value in quoted.items())
