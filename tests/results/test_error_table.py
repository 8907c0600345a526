"""The table of test errors: what is published, what ran, and what did not."""

import pytest

from mine_lightning.cli import configs
from mine_lightning.results.error_table import PUBLISHED, error_table


def summary(experiment="ib_mnist_mine_additive", error=1.0, **others):
    metrics = {"test_error_percent": error, "test_error_percent_stderr": 0.1, "fgsm_error_percent": 30.0}
    return {"experiment": experiment, "protocol": "default", "dataset": "mnist", "metrics": metrics | others}


def row(table, title):
    (found,) = (line for line in table.splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in found.split("|")[1:-1]]


def test_rows_are_the_shipped_experiments():
    assert set(PUBLISHED) == {path.stem for path in configs.shipped() if path.stem.startswith("ib_mnist_")}


def test_what_did_not_run_says_so_and_has_its_published_number():
    table = error_table([])
    assert len(table.splitlines()) == 11
    assert row(table, "MINE (Additive)") == ["MINE (Additive)", "1.01", "not run", "", "", "", ""]
    elsewhere = [summary() | {"dataset": "sklearn-digits"}, summary() | {"protocol": "smoke"}]
    assert error_table(elsewhere) == table


@pytest.mark.parametrize(
    ("errors", "cell"), [([1.0], "1.00 ± 0.10"), ([1.0, 1.1], "1.05 ± 0.10"), ([1, 2], "1.50 ± 0.50")]
)
def test_seeds_are_averaged_and_the_error_is_the_larger_of_two(errors, cell):
    found = row(error_table([summary(error=error) for error in errors]), "MINE (Additive)")
    assert found[2:5] == [cell, str(len(errors)), "30.0"]


@pytest.mark.parametrize(("lower", "cell"), [(2.0, "2.0 to 3.0"), (9.2, "above 9.2 (the limit)")])
def test_information_at_the_limit_is_marked(lower, cell):
    bounds = {"mi_lower": lower, "mi_upper": lower + 1, "mi_limit": 9.21}
    assert row(error_table([summary("ib_mnist_dvb", **bounds)]), "DVB")[-1] == cell
