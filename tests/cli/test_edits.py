"""A run is marked where it goes on by other values, not for a remark, another order, another place or a way back."""

import pytest
import yaml

from mine_lightning.cli.edits import edited, fingerprint, mark_edits
from mine_lightning.runs.folder import RunFolder

CONFIG = {
    "seed_everything": 0,
    "output": "runs",
    "trainer": {"max_epochs": 2, "accelerator": "auto"},
    "model": {"class_path": "mine_lightning.DCGAN", "init_args": {"rate": 1e-5, "beta": {0.0: 0.0, 1.0: 0.5}}},
    "data": {"class_path": "mine_lightning.StackedMNIST", "init_args": {"root": None, "batch_size": 8}},
}


@pytest.fixture
def folder(tmp_path):
    made = RunFolder.create(tmp_path, "experiment", "default", "mnist", 0)
    made.write_identity(
        experiment="experiment", protocol="p", dataset="d", seed=0, config_hash="abc", fingerprint=fingerprint(CONFIG)
    )
    made.write_config(CONFIG)
    return made


def test_a_run_that_was_left_alone_is_not_edited(folder, recwarn):
    before = folder.identity
    mark_edits(folder)
    assert folder.identity == before
    assert not recwarn.list


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed_everything", "# a remark\nseed_everything"),
        ("output: runs", "output: elsewhere"),
        ("accelerator: auto", "accelerator: cpu"),
        ("root: null", "root: /data"),
        ("1.0e-05", "0.00001"),
    ],
)
def test_what_changes_nothing_that_is_computed_is_no_edit(folder, old, new):
    assert old in folder.config_file.read_text()
    folder.config_file.write_text(folder.config_file.read_text().replace(old, new))
    assert not edited(folder)


def test_another_order_is_no_edit(folder):
    folder.config_file.write_text(yaml.safe_dump(dict(reversed(CONFIG.items())), sort_keys=False))
    assert not edited(folder)


@pytest.mark.parametrize(("old", "new"), [("max_epochs: 2", "max_epochs: 3"), ("1.0e-05", ".nan"), ("0.5", "0.6")])
def test_another_value_is_told_each_time_and_marked_once(folder, old, new):
    text = folder.config_file.read_text()
    folder.config_file.write_text(text.replace(old, new))
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"config\.yaml was edited since the run began; .* config_hash abc-edited"):
            mark_edits(folder)
        assert folder.identity["config_hash"] == "abc-edited"
    folder.config_file.write_text(text)
    assert not edited(folder)
    mark_edits(folder)
    assert folder.identity["config_hash"] == "abc-edited"  # what has been computed stays


def test_a_run_of_a_version_without_fingerprints_is_not_taken_for_edited(folder):
    folder.write_identity(experiment="experiment", protocol="p", dataset="d", seed=0, config_hash="abc")
    folder.config_file.write_text("model: null\n")
    assert not edited(folder)
