"""report.html shows what a run has, and asks for nothing: in the text, and in a browser."""

import re
import shutil
from types import SimpleNamespace

import pytest
from browser import Browser, needs_chromium
from run_folders import make_run

from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.record import RunRecord
from mine_lightning.views.comparison import comparison
from mine_lightning.views.report import Report, report, result_rows, some, write_report


def html_of(path):
    return report(RunRecord.read(path))


def test_everything_that_a_run_has_is_shown(tmp_path):
    html = html_of(make_run(tmp_path / "run"))
    titles = re.findall(r"<h2>([^<]*)</h2>", html)
    assert titles == ["Result", "Warnings", "Curves", "Samples", "Modes", "More"]
    charts = re.findall(r'<svg class="chart".*?aria-label="([^"]*)"', html)
    assert charts == [
        "Modes",
        "KL to the uniform distribution, nats",
        "Mutual information, nats",
        "Losses",
        "Gradient norms",
        "Clipping factor of the term",
        "Learning rates",
    ]
    assert html.count("<img ") == 2
    assert html.count('<svg class="modes"') == 2
    assert html.count("<title>mode ") == 1000
    assert "T overfits &lt;by far&gt;." in html
    assert "beta: 1.0" in html
    assert "kl 1.5, mi 3, modes 500" in html or "modes 500, kl 1.5, mi 3" in html


def test_other_pictures_have_their_own_section(tmp_path):
    samples = make_run(tmp_path / "run") / "samples"
    shutil.copy(samples / "step-000400.png", samples / "pairs-step-000400.png")
    html = html_of(tmp_path / "run")
    assert "<h2>Pairs</h2>" in html
    assert html.count("<img ") == 3
    run = RunRecord.read(tmp_path / "run")
    assert "<h2>Pairs of the last evaluation</h2>" in comparison([run, run])


def test_the_result_stands_beside_the_published_and_the_perfect():
    summary = {
        "experiment": "gan_stacked_mnist_dcgan",
        "protocol": "default",
        "metrics": {"modes": 990, "kl": 0.5, "floor_kl": 0.02, "mi": 3.0},
    }
    assert result_rows(summary) == [("modes", "990", "", "99.0"), ("kl", "0.5", "0.02", "3.40"), ("mi", "3", "", "")]
    assert result_rows(summary | {"experiment": "own"})[0] == ("modes", "990", "", "")


def test_levels_are_drawn_where_there_is_something_to_compare_with(tmp_path):
    html = html_of(make_run(tmp_path / "run"))
    assert "published 0.05" in html
    assert "perfect generator 0.02" in html
    own = html_of(make_run(tmp_path / "own", experiment="own"))
    assert "published" not in own


def test_a_run_that_goes_on_and_one_that_has_just_begun_are_shown(tmp_path):
    html = html_of(make_run(tmp_path / "run", finished=False))
    assert "Not finished: what the folder held after step 401." in html
    assert "last evaluation" in html
    young = tmp_path / "young"
    young.mkdir()
    (young / "run.json").write_text((tmp_path / "run" / "run.json").read_text())
    assert "No evaluation yet." in html_of(young)


def diverged(path):
    """A run that goes on, whose last evaluation is NaN."""
    make_run(path, finished=False)
    rows = (path / "metrics.csv").read_text().splitlines()
    columns = rows[0].split(",")
    row = {"step": "599", "val/kl": "nan", "val/modes": "1.0"}
    (path / "metrics.csv").write_text("\n".join([*rows, ",".join(row.get(key, "") for key in columns)]) + "\n")
    return path


def test_a_run_that_diverged_shows_its_last_evaluation_as_it_is(tmp_path):
    run = RunRecord.read(diverged(tmp_path / "run"))
    html = report(run)
    assert "after step 600." in html
    assert '<td>val/kl</td><td class="number">nan</td>' in html.replace("<wbr>", "")
    assert "validation nan</span>" in html
    both = comparison([run, RunRecord.read(make_run(tmp_path / "other", seed=1))])
    assert '<td class="number">nan</td>' in both


def test_the_callback_writes_it_after_an_evaluation(tmp_path):
    folder = RunFolder(make_run(tmp_path / "run", finished=False))
    Report(folder).on_validation_end(SimpleNamespace(sanity_checking=True), None)
    assert not folder.report.exists()
    Report(folder).on_validation_end(SimpleNamespace(sanity_checking=False), None)
    assert folder.report.read_text() == html_of(folder.path)
    write_report(folder)


def test_a_page_that_fails_does_not_end_the_training(tmp_path):
    with pytest.warns(UserWarning, match=r"Expected to write .*report\.html but that fails .* the training goes on"):
        Report(RunFolder(tmp_path)).on_validation_end(SimpleNamespace(sanity_checking=False), None)


def test_of_many_evaluations_eight_are_shown_the_first_and_the_last_among_them():
    assert some([1, 2, 3]) == [1, 2, 3]
    assert some(list(range(100))) == [0, 14, 28, 42, 56, 70, 84, 99]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


DRAWN = """
(() => {
  const seen = (e) => { const box = e.getBoundingClientRect(); return box.width > 20 && box.height > 10; };
  const all = (selector) => [...document.querySelectorAll(selector)];
  document.querySelectorAll("details").forEach((e) => e.open = true);
  return {
    pictures: all("img").map((e) => e.complete && e.naturalWidth > 0 && seen(e)),
    maps: all("svg").map(seen),
    curves: all(".curve").map((e) => e.getTotalLength() > 50 && getComputedStyle(e).stroke != "none"),
    squares: all("svg.modes g").map((e) => getComputedStyle(e).fill),
    tables: all("table").map(seen),
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    colours: [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color],
  };
})()
"""


@needs_chromium
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("kind", ["report", "comparison"])
def test_a_browser_draws_all_of_it_and_asks_for_nothing(tmp_path, browser, kind, width, dark):
    runs = [RunRecord.read(make_run(tmp_path / f"run{seed}", seed=seed)) for seed in (0, 1)]
    path = tmp_path / "page.html"
    path.write_text(report(runs[0]) if kind == "report" else comparison(runs))
    browser.open(path, width, dark)
    found = browser.evaluate(DRAWN)
    html = path.read_text()
    for key, mark in (("pictures", "<img "), ("maps", "<svg "), ("tables", "<table>"), ("curves", 'class="curve"')):
        assert len(found[key]) == html.count(mark) > 0, key
        assert all(found[key]), key
    assert len(set(found["squares"])) > 1
    assert found["overflow"] <= 0
    background, ink = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in found["colours"])
    assert (background < ink) == dark
    assert abs(background - ink) > 400
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [path.as_uri()]


@needs_chromium
def test_the_browser_would_tell_of_a_request(tmp_path, browser):
    path = tmp_path / "page.html"
    path.write_text('<img src="http://127.0.0.1:9/a.png"><img src="data:image/png;base64,broken">')
    browser.open(path, 390)
    assert "http://127.0.0.1:9/a.png" in browser.requests
    assert browser.complaints
    assert browser.evaluate("[...document.images].map((e) => e.naturalWidth)") == [0, 0]
