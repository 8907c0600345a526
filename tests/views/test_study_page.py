"""A study's page: its figure, each estimator's error, every point."""

import pytest
from PIL import Image

from mine_lightning.runs.folder import RunFolder
from mine_lightning.views.study_page import study_page

SUMMARY = {
    "experiment": "mi_gaussian_2d",
    "protocol": "default",
    "seed": 0,
    "metrics": {"MINE": 0.0161, "k-NN": 0.0112},
    "points": [
        {"panel": "2 dimensions", "at": 0.5, "n": 10000, "truth": 0.1438, "MINE": [0.14, 0.002], "k-NN": [0.15, None]}
    ],
    "config_hash": "abc",
    "wall_time_s": 90.0,
    "hardware": "a processor",
    "versions": {"torch": "2.5"},
    "commit": None,
}


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder.create(tmp_path, "mi_gaussian_2d", "default", "drawn", 0)
    folder.write_config({"seed_everything": 0})
    return folder


def test_errors_points_and_circumstances_are_told(folder):
    html = study_page(folder, SUMMARY)
    for words in ("0.016", "0.011", "2 dimensions, 0.5", "10,000", "0.144", "0.140 ± 0.002", ">0.150<"):
        assert words in html
    for words in ("1.5 minutes", "a processor", "commit unknown", "config abc", "seed_everything: 0"):
        assert words in html


def test_the_figure_is_inside_of_the_page_or_what_it_needs_is_said(folder):
    assert "pip install" in study_page(folder, SUMMARY)
    Image.new("RGB", (3, 2)).save(folder.path / "figure.png")
    html = study_page(folder, SUMMARY)
    assert "data:image/png;base64," in html
    assert "pip install" not in html
