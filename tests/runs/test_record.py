"""A run folder, read back."""

import math

import pytest
from run_folders import make_run, modes_of

from mine_lightning.errors import InputError
from mine_lightning.runs.record import RunRecord, read_curves


def test_everything_comes_back(tmp_path):
    run = RunRecord.read(make_run(tmp_path / "run"))
    assert run.identity["experiment"] == "gan_stacked_mnist"
    assert run.summary["metrics"]["modes"] == 900
    assert run.curves["val/modes"] == [(200, 500.0), (400, 900.0)]
    assert len(run.curves["mine/mi"]) == 8
    names = {title: {step: path.name for step, path in found.items()} for title, found in run.pictures.items()}
    assert names == {"samples": {200: "step-000200.png", 400: "step-000400.png"}}
    assert run.modes == {200: modes_of(500), 400: modes_of(900)}
    assert "beta: 1.0" in run.config
    assert run.warnings == ["T overfits <by far>."]
    assert run.steps == 400


def test_a_run_that_goes_on_is_read_too(tmp_path):
    run = RunRecord.read(make_run(tmp_path / "run", finished=False))
    assert run.summary is None
    assert run.steps > 0
    (tmp_path / "young").mkdir()
    (tmp_path / "young" / "run.json").write_text((tmp_path / "run" / "run.json").read_text())
    young = RunRecord.read(tmp_path / "young")
    assert (young.curves, young.pictures, young.modes, young.config, young.warnings) == ({}, {}, {}, "", [])
    assert young.steps == 0


def test_pictures_are_told_apart_by_what_they_show(tmp_path):
    samples = make_run(tmp_path / "run") / "samples"
    for name in ("pairs-step-1000000.png", "pairs-step-000200.png", "a-b-step-000010.png", "other.png"):
        (samples / name).touch()
    pictures = RunRecord.read(tmp_path / "run").pictures
    assert {title: list(found) for title, found in pictures.items()} == {
        "samples": [200, 400],
        "a-b": [10],
        "pairs": [200, 1000000],
    }
    assert list(pictures) == ["samples", "a-b", "pairs"]


def test_rows_without_a_step_are_left_out_and_what_is_not_finite_is_not(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,a,b,c\n0,0,inf,1,True\n1,0,3,2,\n2,0,nan,,\n,0,4,4,\n")
    curves = read_curves(path)
    assert "c" not in curves  # no number
    assert curves["b"] == [(1, 1.0), (2, 2.0)]
    assert curves["a"][:2] == [(1, math.inf), (2, 3.0)]
    assert str(curves["a"][2]) == "(3, nan)"


@pytest.mark.parametrize("torn", ["39", "399,0.1", "399,-", "399,0.12,1e"])
def test_a_last_row_that_was_cut_off_is_left_out(tmp_path, torn):
    path = tmp_path / "metrics.csv"
    path.write_text("step,a,b\n199,0.25,1.0\n" + torn)
    assert read_curves(path) == {"a": [(200, 0.25)], "b": [(200, 1.0)]}


@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_another_folder_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"Expected a run folder at .* run\.json that tells what it is"):
        RunRecord.read(tmp_path)


def test_a_study_and_a_damaged_summary_are_told(tmp_path):
    (tmp_path / "run.json").write_text('{"experiment": "a", "protocol": "b", "dataset": "c", "seed": 0}')
    for text in ("{", "{}", "3"):
        (tmp_path / "summary.json").write_text(text)
        with pytest.raises(InputError, match="is damaged; delete it and give"):
            RunRecord.read(tmp_path)
    (tmp_path / "rows.csv").touch()
    with pytest.raises(InputError, match="has a study, with a figure of its own"):
        RunRecord.read(tmp_path)
