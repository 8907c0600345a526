"""Kept results are complete, stand at their place, and belong to the configs as they are now."""

import copy
import functools
import json
import math

import pytest

from mine_lightning import results
from mine_lightning.cli import build, checks, configs, studies
from mine_lightning.errors import InputError

KEPT = sorted(results.RESULTS.rglob("*.json"))
SUMMARY = {
    "experiment": "a",
    "protocol": "default",
    "dataset": "mnist",
    "seed": 0,
    "metrics": {"modes": 1000, "kl": 0.06, "floor_modes": 1000, "floor_kl": 0.024},
    "evaluations": [{"step": 500, "modes": 600, "kl": 1.0}],
}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_kept_result_stands_at_its_place_and_its_config_has_not_changed(path):
    summary = json.loads(path.read_text())
    assert results.place(summary) == path
    config_hash, is_study = of_shipped(summary["experiment"], summary["protocol"])
    assert config_hash == summary["config_hash"]
    if not is_study:  # a classifier that trains on all digits has no evaluation
        assert all(point["step"] == summary["steps"] for point in summary["evaluations"][-1:])
    for key in ("wall_time_s", "hardware", "versions", "commit"):
        assert summary[key]


@functools.cache  # the seeds of a row have one
def of_shipped(experiment, protocol):
    """Return the hash of a shipped config under a protocol, and whether it is a study's."""
    config = configs.load(configs.find(experiment))
    if protocol != "default":
        config = configs.lay_over(config, configs.find(protocol))
    return now(config), studies.is_one(config)


def now(config):
    """Return the hash of a config as its classes are now."""
    if studies.is_one(config):
        return studies.identify(config, "any")["config_hash"]
    checks.check_names(config)
    resolvable = copy.deepcopy(config)
    resolvable["trainer"].pop("precision", None)
    return configs.config_hash(config, build.dump(build.resolve(resolvable)))


def test_keep_copies_a_finished_run(tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY))
    target = results.keep(tmp_path, tmp_path / "results")
    assert target == tmp_path / "results" / "a" / "default-mnist-seed0.json"
    assert results.load(tmp_path / "results") == [SUMMARY]


def test_keep_copies_the_figure_of_a_study(tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY))
    (tmp_path / "figure.png").write_bytes(b"ink")
    results.keep(tmp_path, tmp_path / "results")
    assert (tmp_path / "results" / "pictures" / "a.png").read_bytes() == b"ink"


def test_keep_refuses_an_unfinished_run(tmp_path):
    with pytest.raises(InputError, match=r"it has no summary\.json; finish it with"):
        results.keep(tmp_path)


def test_keep_refuses_to_lose_a_run_of_another_config(tmp_path):
    source, root = tmp_path / "summary.json", tmp_path / "results"
    for new in ("one", "one", "two"):
        source.write_text(json.dumps(SUMMARY | {"config_hash": new}))
        if new == "two":
            with pytest.raises(InputError, match=r"config_hash one of .* has two; give --replace .* protocol overlay"):
                results.keep(tmp_path, root)
            results.keep(tmp_path, root, replace=True)
        else:
            results.keep(tmp_path, root)
        (kept,) = results.load(root)
        assert kept["config_hash"] == new


def test_keep_refuses_another_config_beside_the_other_seeds(tmp_path):
    source, root = tmp_path / "summary.json", tmp_path / "results"
    for seed, new in ((0, "one"), (1, "two")):
        source.write_text(json.dumps(SUMMARY | {"config_hash": new, "seed": seed}))
        if seed:
            with pytest.raises(InputError, match=r"config_hash one of .*seed0.json but .* has two"):
                results.keep(tmp_path, root)
        else:
            results.keep(tmp_path, root)
    assert len(results.load(root)) == 1


@pytest.mark.parametrize("protocol", ["default", "small"])
def test_keep_refuses_what_was_not_run_as_its_name_says(tmp_path, protocol):
    shipped = SUMMARY | {"experiment": "gan_stacked_mnist_dcgan", "protocol": protocol}
    source, root = tmp_path / "summary.json", tmp_path / "results"
    source.write_text(json.dumps(shipped | {"config_hash": "cut"}))
    with pytest.raises(InputError, match=rf"\({protocol}\) as it is in configs/, config_hash \w+, but .* has cut"):
        results.keep(tmp_path, root)
    assert not root.exists()
    source.write_text(json.dumps(shipped | {"config_hash": of_shipped(shipped["experiment"], protocol)[0]}))
    results.keep(tmp_path, root)
    source.write_text(json.dumps(shipped | {"config_hash": "cut", "protocol": "mine_own"}))
    results.keep(tmp_path, root)
    assert len(results.load(root)) == 2


@pytest.mark.parametrize("replace", [False, True])
def test_keep_refuses_a_run_of_two_configs(tmp_path, replace):
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY | {"config_hash": "abc-edited"}))
    with pytest.raises(InputError, match=r"Expected a run of one config but the config\.yaml of .* was edited"):
        results.keep(tmp_path, tmp_path / "results", replace=replace)
    assert not (tmp_path / "results").exists()


def test_keep_tells_that_there_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"Expected a run folder but there is none at .*/mistyped"):
        results.keep(tmp_path / "mistyped")


def test_the_figure_is_that_of_the_first_seed_at_default(tmp_path):
    for seed, protocol, ink in ((1, "default", b"1"), (0, "default", b"0"), (1, "default", b"1"), (0, "quick", b"q")):
        (tmp_path / "summary.json").write_text(json.dumps(SUMMARY | {"seed": seed, "protocol": protocol}))
        (tmp_path / "figure.png").write_bytes(ink)
        results.keep(tmp_path, tmp_path / "results")
    assert (tmp_path / "results" / "pictures" / "a.png").read_bytes() == b"0"


@pytest.mark.parametrize(
    ("text", "why"), [('{"experiment": "a"', "it is no JSON"), ("null", "it is no JSON"), ("{}", "it has no dataset, ")]
)
def test_a_damaged_result_is_told(tmp_path, text, why):
    (tmp_path / "seed0.json").write_text(text)
    with pytest.raises(InputError, match=rf"Expected a kept result in .*seed0.json but {why}"):
        results.load(tmp_path)


def test_the_table_by_steps_is_of_one_protocol():
    small = SUMMARY | {"protocol": "small", "evaluations": [{"step": 2000, "modes": 7, "kl": 6.0}]}
    table = results.mode_table([SUMMARY, small], {"a": "A"}, "mnist", "small")
    assert "| 2,000 |" in table
    assert "| A (1 seed) | 7 / 6.000 |" in table
    assert "500" not in table


def test_table_has_means_over_seeds_and_the_floor():
    second = copy.deepcopy(SUMMARY) | {"seed": 1, "evaluations": [{"step": 500, "modes": 700, "kl": 2.0}]}
    table = results.mode_table([SUMMARY, second], {"a": "A"}, "mnist").splitlines()
    assert table[0] == "| modes / KL, at step | 500 | test |"
    assert table[2] == "| A (2 seeds) | 650 / 1.500 ± 0.500 | 1000 / 0.060 ± 0.000 |"
    assert table[3] == "| a perfect generator | | 1000 / 0.024 ± 0.000 |"


@pytest.mark.parametrize("values", [(0.06, math.nan), (math.nan, 0.06)])
def test_a_seed_that_diverged_is_shown_as_nan(values):
    runs = [SUMMARY | {"metrics": {**SUMMARY["metrics"], "kl": kl}} for kl in values]
    assert "| 1000 / nan ± nan |" in results.mode_table(runs, {"a": "A"}, "mnist")


def test_an_estimate_has_no_place_in_a_table(tmp_path):
    (tmp_path / "estimate.json").write_text("{}")
    with pytest.raises(InputError, match="has an estimate of data of your own; no table has a place for it"):
        results.keep(tmp_path, tmp_path / "kept")
