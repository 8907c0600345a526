"""The tables' rows are the experiments that exist, or that were published."""

import pytest

from mine_lightning.cli import configs
from mine_lightning.published import published_row
from mine_lightning.results.sections import MODES, SECTIONS, Row, Section

PROTOCOLS = {path.stem for path in (configs.CONFIGS / "overlays").glob("*.yaml")} | {"default"}
ROWS = [row for section in SECTIONS for row in section.rows]


def test_every_system_of_the_papers_first_table_has_its_row():
    asked = {row.experiment for row in ROWS}
    for path in configs.shipped():
        if path.stem.startswith("gan_stacked_mnist"):
            assert path.stem in asked


def test_a_row_without_an_experiment_has_published_numbers():
    for row in ROWS:
        assert row.ours or published_row(row.experiment, row.protocol) is not None
        assert row.ours or row.experiment not in [path.stem for path in configs.shipped()]


def test_no_row_stands_twice_in_a_table():
    for section in SECTIONS:
        assert len({(row.experiment, row.protocol) for row in section.rows}) == len(section.rows)


def test_protocols_of_gans_are_overlays():
    assert {row.protocol for row in ROWS if row.experiment.startswith("gan_")} <= PROTOCOLS


@pytest.mark.parametrize(
    ("rows", "beside", "which"),
    [
        ((Row("A", "gan_stacked_mnist"),), True, ("published", "here")),
        ((Row("A", "gan_stacked_mnist"),), False, ("here",)),
        ((Row("A", "nothing"),), True, ("here",)),
    ],
)
def test_published_numbers_stand_beside_where_there_are_any(rows, beside, which):
    assert Section("a", "", MODES, rows, beside=beside).which == which
