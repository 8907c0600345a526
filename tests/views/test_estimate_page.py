"""An estimate's page: the value, what there is to doubt, the curve of each fold."""

from mine_lightning.estimation.result import Check, MIEstimate
from mine_lightning.estimation.training import Point
from mine_lightning.views.estimate_page import estimate_page

CURVES = [[Point(20, 0.3), Point(40, 0.4)], [Point(20, 0.2), Point(40, 0.5)]]
WHERE = {"seconds": 3.5, "hardware": "a < b", "commit": "0123456789abcdef", "versions": {"torch": "2.5"}}


def drawn(curve=CURVES, warnings=(), checks=None):
    estimate = MIEstimate(0.4, 0.01, (0.38, 0.45), curve, 1500, {}, list(warnings), checks or {})
    return estimate_page(estimate, "my_pairs.npz", "seed: 3\n", WHERE)


def test_value_interval_pairs_and_circumstances_are_told():
    html = drawn()
    for words in ("I(x; z) of my_<wbr>pairs.npz", "0.400", "0.010", "0.380 and 0.450", "1,500 pairs", "3.5 seconds"):
        assert words in html
    for words in ("a &lt; b", "0123456789<", "seed: 3", "2.5"):
        assert words in html
    assert "Warnings" not in html
    assert "Checks" not in html


def test_each_fold_has_its_curve_and_the_estimate_is_a_level():
    html = drawn()
    assert html.count("<polyline") + html.count("<path") >= 2
    for words in ("fold 1", "fold 2", "estimate 0.400"):
        assert words in html
    assert "<svg" not in drawn(curve=[[], []])


def test_doubts_and_checks_are_shown():
    html = drawn(warnings=["near ln N & above"], checks={"independence": Check(0.0, 0.3, 0.1)})
    assert '<p class="warning">near ln N &amp; above</p>' in html
    assert "FAILS" in html
    assert "holds" in drawn(checks={"independence": Check(0.0, 0.05, 0.1)})
