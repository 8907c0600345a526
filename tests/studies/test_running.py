"""A study run, stopped and taken up again."""

import math

import pytest

from mine_lightning.errors import InputError
from mine_lightning.studies import CorrelatedGaussians, Estimator, Reading, read_rows, run

STUDY = CorrelatedGaussians(1, [0.1, 0.9], n=100, datasets=2)


class Mean(Estimator):
    """Returns what tells its pairs from others, and counts its calls; fails at a call of one's choice."""

    def __init__(self, fail_at=None):
        self.calls, self.fail_at = 0, fail_at

    def __call__(self, x, z, seed):
        self.calls += 1
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        return Reading((x * z).mean().item(), math.nan)


def test_each_point_and_estimator_has_a_row_and_estimators_share_their_pairs(tmp_path):
    told = []
    rows = run(STUDY, {"A": Mean(), "B": Mean()}, tmp_path / "rows.csv", 0, lambda *what: told.append(what))
    assert [(row.at, row.dataset, row.estimator) for row in rows] == [
        (at, dataset, name) for dataset in (0, 1) for at in (0.1, 0.9) for name in "AB"
    ]
    assert all(a.nats == b.nats for a, b in zip(rows[::2], rows[1::2], strict=True))
    assert len({row.nats for row in rows}) == 4
    assert [what[1:] for what in told] == [(number, 8) for number in range(1, 9)]
    assert rows[2].truth == pytest.approx(-0.5 * math.log(1 - 0.81))


def test_a_stopped_study_goes_on_where_it_was_and_ends_the_same(tmp_path):
    whole = run(STUDY, {"A": Mean(), "B": Mean()}, tmp_path / "whole.csv", 0)
    path = tmp_path / "rows.csv"
    with pytest.raises(KeyboardInterrupt):
        run(STUDY, {"A": Mean(), "B": Mean(fail_at=2)}, path, 0)
    assert len(read_rows(path)) == 3
    path.write_text(path.read_text() + "1 dimensions,0.9,10")  # a line that a kill cut short
    rest = Mean(), Mean()
    rows = run(STUDY, dict(zip("AB", rest, strict=True)), path, 0)
    assert [one.calls for one in rest] == [2, 3]
    assert [row[:7] for row in rows] == [row[:7] for row in whole]
    assert [row[:7] for row in read_rows(path)] == [row[:7] for row in whole]


def test_another_seed_draws_other_pairs(tmp_path):
    first, second = (run(STUDY, {"A": Mean()}, tmp_path / f"{seed}.csv", seed) for seed in (0, 1))
    assert all(a.nats != b.nats for a, b in zip(first, second, strict=True))


def test_it_refuses_the_rows_of_another_study(tmp_path):
    run(STUDY, {"A": Mean()}, tmp_path / "rows.csv", 0)
    others = [CorrelatedGaussians(1, [0.5], n=100), CorrelatedGaussians(1, [0.1, 0.9], n=200, datasets=2)]
    for other in others:  # of other points, and of the same points with more pairs
        with pytest.raises(InputError, match="Expected rows of this study in"):
            run(other, {"A": Mean()}, tmp_path / "rows.csv", 0)
    path = tmp_path / "rows.csv"
    path.write_text(path.read_text().replace(repr(-0.5 * math.log(1 - 0.9**2)), "2.5"))  # of another truth
    with pytest.raises(InputError, match="Expected rows of this study in"):
        run(STUDY, {"A": Mean()}, path, 0)


def test_a_line_that_was_cut_within_a_letter_does_not_count(tmp_path):
    path = tmp_path / "rows.csv"
    run(STUDY, {"A": Mean()}, path, 0)
    whole = path.read_bytes()
    path.write_bytes(whole + "f(x) = x³".encode()[:-1])
    assert len(read_rows(path)) == 4
    assert path.read_bytes() == whole


def test_two_processes_can_t_fill_one_file(tmp_path):
    class Second(Mean):
        def __call__(self, x, z, seed):
            run(STUDY, {"A": Mean()}, tmp_path / "rows.csv", 0)

    with pytest.raises(InputError, match="another process works on it"):
        run(STUDY, {"A": Second()}, tmp_path / "rows.csv", 0)
    assert len(run(STUDY, {"A": Mean()}, tmp_path / "rows.csv", 0)) == 4  # free again
    assert {path.name for path in tmp_path.iterdir()} - {".rows.csv.lock"} == {"rows.csv"}  # by filelock's version


def test_a_row_that_is_there_twice_counts_once(tmp_path):
    path = tmp_path / "rows.csv"
    rows = run(STUDY, {"A": Mean()}, path, 0)
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[-1])
    assert [row[:7] for row in read_rows(path)] == [row[:7] for row in rows]


@pytest.mark.parametrize("line", ["p,0.1,100,0,0.5,A,nothing,nan,1.0", "p,0.1,100"])
def test_a_damaged_line_is_told_by_its_number(tmp_path, line):
    path = tmp_path / "rows.csv"
    run(STUDY, {"A": Mean()}, path, 0)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"a row of a study in line 6 of .*rows\.csv but it can't be read"):
        read_rows(path)


def test_an_empty_file_begins_anew_with_its_header(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("")
    run(STUDY, {"A": Mean()}, path, 0)
    assert len(read_rows(path)) == 4
