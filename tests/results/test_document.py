"""RESULTS.md is what the results give, and leaves none of them out."""

import json
import math
import shutil
from pathlib import Path

import pytest

from mine_lightning import results
from mine_lightning.errors import InputError
from mine_lightning.results.document import _section, document, write
from mine_lightning.results.sections import FIGURES, SECTIONS, Column, Row, Section

ROOT = Path(__file__).parents[2]


def summary(seed=0, **changes):
    return {
        "experiment": "gan_stacked_mnist_dcgan",
        "protocol": "small",
        "dataset": "mnist",
        "seed": seed,
        "steps": 20000,
        "metrics": {"modes": 400 + 100 * seed, "kl": 2.0, "floor_modes": 1000, "floor_kl": 0.024},
        "evaluations": [],
        "wall_time_s": 600.0 + 60 * seed,
        "hardware": "one core",
        "precision": "32-true",
        "commit": "0123456789abcdef",
    } | changes


def line(section, runs, title):
    (found,) = [row for row in _section(section, runs).splitlines() if row.startswith(f"| {title} |")]
    return [cell.strip() for cell in found.strip("|").split("|")]


SMALL = next(section for section in SECTIONS if section.title == "Stacked MNIST, small nets")


def test_the_document_and_the_readme_are_in_step_with_the_results(tmp_path):
    for name in ("RESULTS.md", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "results", tmp_path / "results")
    for path in write(tmp_path):
        assert path.read_text() == (ROOT / path.name).read_text(), "give `python -m mine_lightning.results`"


def test_every_kept_result_is_in_the_document():
    text = document(results.RESULTS)
    rest = text.partition("## Other kept runs")[2]
    for kept in results.load():
        asked = [
            row
            for section in SECTIONS
            for row in section.rows
            if (row.experiment, row.protocol) == (kept["experiment"], kept["protocol"])
            and kept["dataset"].startswith(section.dataset)
        ]
        asked += [figure for figure in FIGURES if figure.experiment == kept["experiment"]]
        assert asked or f"| {kept['experiment']} | {kept['protocol']} | {kept['dataset']} | {kept['seed']} |" in rest


def test_a_row_is_the_mean_and_its_standard_error_beside_the_published_number():
    runs = [summary(0), summary(1), summary(2)]
    cells = line(SMALL, runs, "DCGAN")
    error = math.sqrt(((400 - 500) ** 2 + (600 - 500) ** 2) / 2) / math.sqrt(3)
    assert cells[1:5] == ["78.5 ± 17.56", f"500.0 ± {error:.1f}", "5.21 ± 0.19", "2.000 ± 0.000"]
    assert cells[5:] == ["3", "20,000", "11 min", "one core, 32-true", "0123456"]
    assert line(SMALL, runs, "perfect generator")[1:5] == ["", "1000.0 ± 0.0", "", "0.024 ± 0.000"]


def test_a_perfect_generator_s_sample_counts_once_a_seed_however_many_rows_share_it():
    runs = [
        summary(
            seed, experiment=name, metrics={"modes": 500, "kl": 2.0, "floor_modes": 1000, "floor_kl": floor + other}
        )
        for name, other in (("gan_stacked_mnist_dcgan", 0), ("gan_stacked_mnist", 1e-5))  # another machine's judge
        for seed, floor in ((0, 0.02), (1, 0.04))
    ]
    assert line(SMALL, runs, "perfect generator")[1:5] == ["", "1000.0 ± 0.0", "", "0.030 ± 0.010"]


def test_a_seed_that_diverged_is_shown_as_nan():
    diverged = summary(1, metrics={"modes": 500, "kl": math.nan, "floor_modes": 1000, "floor_kl": 0.024})
    assert line(SMALL, [summary(0), diverged], "DCGAN")[2:5:2] == ["450.0 ± 50.0", "nan ± nan"]


def test_an_error_that_would_read_as_zero_has_one_more_digit_and_so_has_its_mean():
    runs = [summary(seed, metrics={"modes": 1000, "kl": 2.0 + 0.0004 * seed}) for seed in (0, 1)]
    assert line(SMALL, runs, "DCGAN")[4] == "2.0002 ± 0.0002"
    runs = [summary(seed, metrics={"modes": 1000, "kl": 2.0 + 0.004 * seed}) for seed in (0, 1)]
    assert line(SMALL, runs, "DCGAN")[4] == "2.002 ± 0.002"


def test_one_seed_has_no_error_and_changed_files_are_told():
    cells = line(SMALL, [summary(commit="0123456789abcdef-dirty", wall_time_s=20)], "DCGAN")
    assert cells[2] == "400.0"
    assert cells[5:] == ["1", "20,000", "20 s", "one core, 32-true", "0123456 and changes"]


def test_what_was_not_run_says_so_and_what_we_have_not_too():
    assert line(SMALL, [], "DCGAN")[5] == "not run here yet"
    assert line(SMALL, [], "PacGAN4")[1:6] == ["667.4 ± 29", "", "1.81 ± 0.15", "", "published alone"]
    assert "perfect generator" not in _section(SMALL, [])


def test_runs_of_another_protocol_or_data_set_stay_out():
    others = [summary(protocol="default"), summary(dataset="sklearn-digits")]
    assert line(SMALL, others, "DCGAN")[5] == "not run here yet"


def test_parts_of_a_data_set_have_rows_of_their_own():
    section = Section("a", "", (Column("e", "error", ".1f"),), (Row("A", "a"),), "celeba")
    runs = [
        summary(experiment="a", protocol="default", dataset=name, metrics={"e": e})
        for name, e in (("celeba-100", 1.0), ("celeba-200", 2.0))
    ]
    assert line(section, runs, "A (celeba-100)")[1] == "1.0"
    assert line(section, runs, "A (celeba-200)")[1] == "2.0"


def test_a_number_that_was_not_checked_is_marked():
    default = SECTIONS[0]
    assert line(default, [], "GAN+MINE")[1] == "1000.0 ± 0†"
    assert line(default, [], "VEEGAN")[1] == "150.0"


def test_a_study_is_shown_with_its_errors_once_both_are_there(tmp_path):
    assert "`python train.py --config mi_nonlinear`: not run here yet." in document(tmp_path)
    study = summary(experiment="mi_nonlinear", protocol="default", metrics={"MINE": 0.25, "k-NN": 0.5})
    (tmp_path / "mi_nonlinear.json").write_text(json.dumps(study))
    assert "mi_nonlinear`: not run here yet." in document(tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mi_nonlinear.png").touch()
    text = document(tmp_path)
    assert "MINE 0.250, k-NN 0.500 (seed 0, 10 min, one core, commit 0123456)" in text
    assert "](results/pictures/mi_nonlinear.png)" in text
    assert "## Other kept runs" not in text


AGAINST = Section("a", "", (Column("e", "error", ".2f"),), (Row("A", "a"), Row("B", "b")), against="A")


def runs_of(experiment, *errors):
    return [
        summary(seed, experiment=experiment, protocol="default", metrics={"e": error})
        for seed, error in enumerate(errors)
        if error is not None
    ]


def test_a_difference_is_the_mean_over_pairs_of_one_seed():
    runs = runs_of("a", 1.5, 1.3, None, 9.0) + runs_of("b", 1.2, 1.2, 5.0)
    cells = line(AGAINST, runs, "B")
    # of the seeds 0 and 1, which both have: -0.3 and -0.1
    assert cells[2] == "-0.20 ± 0.10"
    assert line(AGAINST, runs, "A")[2] == ""


def test_a_difference_needs_a_seed_in_common_and_has_no_error_from_one():
    assert line(AGAINST, runs_of("a", 1.0) + runs_of("b", 1.25), "B")[2] == "+0.25"
    assert line(AGAINST, runs_of("a", 1.0) + runs_of("b", None, 1.25), "B")[2] == ""


def test_a_difference_from_what_diverged_is_nan():
    assert line(AGAINST, runs_of("a", 1.0, 1.0) + runs_of("b", math.nan, 1.0), "B")[2] == "+nan ± nan"


def test_a_tables_picture_is_shown_once_it_is_there(tmp_path):
    section = Section("a", "", (Column("e", "error", ".2f"),), (Row("A", "a"),), picture="x.png")
    assert "x.png" not in _section(section, [], tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "x.png").touch()
    assert _section(section, [], tmp_path).endswith("![a](results/pictures/x.png)\n")


def test_a_run_that_no_table_asks_for_is_listed(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(summary(experiment="own", metrics={"accuracy": 0.5})))
    last = document(tmp_path).strip().splitlines()[-1]
    assert last == "| own | small | mnist | 0 | accuracy 0.5 | 20,000 | 10 min | one core | 0123456 |"


def test_a_readme_without_its_marks_is_told(tmp_path):
    (tmp_path / "README.md").write_text("no table")
    with pytest.raises(InputError, match="put them back"):
        write(tmp_path)


def test_seeds_of_different_configs_are_no_row():
    runs = [summary(seed=seed, config_hash=of) for seed, of in ((0, "old"), (1, "new"))]
    with pytest.raises(InputError, match="one config but seed 0 has the config_hash old and seed 1 has new"):
        _section(SMALL, runs)
