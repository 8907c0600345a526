"""Every logged number is drawn once."""

from fnmatch import fnmatchcase

from mine_lightning.views.charts import CHARTS, charts_of, draw
from mine_lightning.views.line_chart import Curve


def titles(names):
    return {chart.title: found for chart, found in charts_of(names)}


def test_related_numbers_share_a_chart():
    found = titles(["mine/mi", "val/mi", "train/loss_d", "train/loss_g", "val/modes", "val/mi_stderr", "test/kl"])
    assert found == {
        "Modes": {"val/modes": "validation"},
        "Mutual information, nats": {"mine/mi": "training batch", "val/mi": "held out"},
        "Losses": {"train/loss_d": "train/loss_d", "train/loss_g": "train/loss_g"},
    }


def test_what_fits_none_has_a_chart_of_its_own():
    assert titles(["accuracy"]) == {"accuracy": {"accuracy": "logged"}}


def test_two_terms_keep_their_names():
    assert titles(["mine/one/mi", "mine/two/mi", "val/one_mi"])["Mutual information, nats"] == {
        "mine/one/mi": "mine/one/mi",
        "mine/two/mi": "mine/two/mi",
        "val/one_mi": "val/one_mi",
    }


def test_no_name_is_drawn_twice():
    names = [name.replace("*", "a") for chart in CHARTS for name in chart.names]
    drawn = [name for _, found in charts_of(names) for name in found]
    assert sorted(drawn) == sorted(set(names))
    assert all(any(fnmatchcase(name, p) for chart in CHARTS for p in chart.names) for name in names)


def test_levels_are_named_with_their_value():
    assert "published 0.06" in draw(CHARTS[1], [Curve("a", [(1, 0.5)])], {"published": 0.06})
    assert "KL to the uniform" not in draw(CHARTS[1], [Curve("a", [(1, 0.5)])], {}, "another title")
