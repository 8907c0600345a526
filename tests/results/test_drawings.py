"""The picture over beta, from kept runs."""

import json

import pytest
from PIL import Image

from mine_lightning.errors import InputError
from mine_lightning.results.drawings import draw
from mine_lightning.results.sections import BETAS


def kept(root, protocol, **changes):
    metrics = {"mi_lower": 5.0, "mi_upper": 6.0, "mi_limit": 9.2, "mi": 4.0, "test_error_percent": 1.5}
    summary = {"experiment": "ib_mnist_mine_gaussian", "protocol": protocol, "seed": 0} | changes
    summary = {"dataset": "mnist", "metrics": metrics} | summary
    (root / f"{protocol}.json").write_text(json.dumps(summary))


def test_every_beta_is_drawn(tmp_path):
    for beta in BETAS:
        kept(tmp_path, f"ib_beta_{beta}")
    kept(tmp_path, "default", metrics={})
    place = draw([], tmp_path)
    assert place == tmp_path / "pictures" / "ib_beta.png"
    with Image.open(place) as picture:
        assert picture.width > 500


def test_without_runs_the_command_that_makes_them_is_told(tmp_path):
    kept(tmp_path, "ib_beta_0", dataset="sklearn-digits")  # drawn beside MNIST's it would look like one of them
    with pytest.raises(InputError, match=r"`python -m mine_lightning.results run ib_mnist_mine_gaussian"):
        draw([], tmp_path)


def test_words_are_refused(tmp_path):
    with pytest.raises(InputError, match="Expected nothing after draw but got 'beta'"):
        draw(["beta"], tmp_path)
