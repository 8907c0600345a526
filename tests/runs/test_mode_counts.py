"""modes.csv: one row for each evaluation, by its step."""

from types import SimpleNamespace

import pytest
import torch

from mine_lightning.errors import InputError
from mine_lightning.runs.mode_counts import ModeCounts, read_mode_counts


def evaluate(path, step, counts, **trainer):
    scoring = SimpleNamespace(mode_counts=None if counts is None else torch.tensor(counts))
    defaults = {"sanity_checking": False, "is_global_zero": True, "callbacks": [object(), scoring]}
    run = SimpleNamespace(fit_loop=SimpleNamespace(total_batch_idx=step - 1), **{**defaults, **trainer})
    ModeCounts(path).on_validation_end(run, None)


def test_each_evaluation_is_a_row_under_its_step(tmp_path):
    path = tmp_path / "modes.csv"
    evaluate(path, 500, [3, 0, 1])
    evaluate(path, 1000, [1, 1, 2])
    assert path.read_text().splitlines() == ["step,0,1,2", "500,3,0,1", "1000,1,1,2"]
    assert read_mode_counts(path) == {500: [3, 0, 1], 1000: [1, 1, 2]}


def test_a_resumed_run_writes_over_what_lay_behind_its_checkpoint(tmp_path):
    path = tmp_path / "modes.csv"
    for step in (500, 1000, 1500):
        evaluate(path, step, [step, 0])
    evaluate(path, 1000, [7, 7])
    assert read_mode_counts(path) == {500: [500, 0], 1000: [7, 7]}


def test_nothing_is_written_without_modes_in_a_sanity_check_or_by_another_process(tmp_path):
    path = tmp_path / "modes.csv"
    evaluate(path, 500, None)
    evaluate(path, 500, [1], sanity_checking=True)
    evaluate(path, 500, [1], is_global_zero=False)
    assert read_mode_counts(path) == {}
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "step,0,1\nfive,1,2\n", "step,0,1\n5,1,many\n"])
def test_a_damaged_file_is_told(tmp_path, text):
    (tmp_path / "modes.csv").write_text(text)
    with pytest.raises(InputError, match=r"samples per mode in each row of .*modes.csv but it is damaged"):
        read_mode_counts(tmp_path / "modes.csv")
