"""Several runs on one page."""

import re

from run_folders import make_run

from mine_lightning.runs.record import RunRecord
from mine_lightning.views.comparison import comparison


def page_of(tmp_path, *identities):
    runs = [make_run(tmp_path / f"run{k}", **identity) for k, identity in enumerate(identities)]
    return comparison([RunRecord.read(run) for run in runs])


def test_each_chart_has_a_curve_for_each_run_in_its_colour(tmp_path):
    html = page_of(tmp_path, {}, {"experiment": "gan_stacked_mnist_dcgan"})
    charts = re.findall(r'<svg class="chart".*?</svg>', html)
    assert len(charts) == 10
    for chart in charts:
        assert chart.count('class="curve"') == 2
        assert chart.count('fill="none" stroke="var(--hue2)"') == 1
    assert html.count('<svg class="modes"') == 2
    assert html.count("<img ") == 2


def test_results_stand_beside_the_published_and_the_perfect(tmp_path):
    html = page_of(tmp_path, {}, {"experiment": "gan_stacked_mnist_dcgan"})
    for row in (
        "gan_stacked_mnist</td>",
        "published: GAN+MINE, Belg",
        "published: DCGAN, Belg",
        "perfect generator, mnist",
    ):
        assert f"<td>{row}" in html.replace("<wbr>", "")
    assert '<td class="number">3.40</td>' in html


def test_one_system_by_two_papers_and_two_data_sets_have_a_row_each(tmp_path):
    dcgan = {"experiment": "gan_stacked_mnist_dcgan"}
    html = page_of(tmp_path, dcgan, dcgan | {"protocol": "small", "dataset": "sklearn-digits"}).replace("<wbr>", "")
    for row in (
        "published: DCGAN, Belghazi",
        "published: DCGAN, Lin",
        "perfect generator, mnist",
        "perfect generator, sk",
    ):
        assert html.count(f"<td>{row}") == 1


def test_runs_are_called_by_what_tells_them_apart(tmp_path):
    html = page_of(tmp_path, {}, {"seed": 1})
    assert "<td>seed 0</td>" in html
    assert "<td>mine.beta</td>" in html  # the folders' configs differ in it
    same = page_of(tmp_path / "same", {}, {})
    assert "gan_stacked_mnist (run0)" in same
    assert "What their configs differ in" not in same


def test_a_run_that_goes_on_shows_its_last_evaluation(tmp_path):
    html = page_of(tmp_path, {}, {"seed": 1, "finished": False})
    assert "401, not finished" in html
    assert '<td class="number">0.2</td>' in html
