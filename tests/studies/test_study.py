"""Every study's points: the truth against closed forms and an independent integral, data sets in order, figures."""

import math

import pytest
from scipy import integrate

from mine_lightning.errors import InputError
from mine_lightning.studies import Consistency, CorrelatedGaussians, NoisyFunctions, Row

STUDIES = {
    "gaussians": CorrelatedGaussians(2, [-0.5, 0.9], n=200, datasets=2),
    "functions": NoisyFunctions([0.3, 0.9], n=200, datasets=2),
    "consistency": Consistency([1, 3], [100, 200], datasets=2),
}


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_the_first_data_set_is_whole_before_the_second_begins(study):
    points = list(study.points())
    half = len(points) // 2
    assert [point.dataset for point in points] == [0] * half + [1] * half
    assert [(p.panel, p.at) for p in points[:half]] == [(p.panel, p.at) for p in points[half:]]
    assert len({(p.panel, p.at) for p in points}) == half


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_it_draws_its_rows(study):
    rows = [
        Row(p.panel, p.at, p.n, p.dataset, p.distribution.mi, name, p.distribution.mi + 0.1, math.nan, 1.0)
        for p in study.points()
        for name in ("A", "B")
    ]
    figure = study.plot(rows)
    assert [part.get_title() for part in figure.axes if part.get_title()] == list(
        dict.fromkeys(row.panel for row in rows)
    )


def test_correlated_gaussians_have_the_paper_s_truth():
    points = list(CorrelatedGaussians(20, [0.0, 0.9], datasets=1).points())
    assert [point.distribution.mi for point in points] == pytest.approx([0, -10 * math.log(1 - 0.81)], abs=1e-9)
    x, z = points[1].distribution.sample(4, 0)
    assert x.shape == z.shape == (4, 20)


@pytest.mark.parametrize(("name", "function"), [("x", lambda x: x), ("x³", lambda x: x**3), ("sin x", math.sin)])
def test_noisy_functions_have_the_integral_of_an_independent_quadrature(name, function):
    sigma = 0.5
    (point,) = (p for p in NoisyFunctions([sigma], dims=2, datasets=1).points() if p.panel == f"f(x) = {name}")

    def density(z):
        def of_x(x):
            return math.exp(-0.5 * ((z - function(x)) / sigma) ** 2)

        return integrate.quad(of_x, -1, 1)[0] / 2 / sigma / math.sqrt(2 * math.pi)

    entropy = integrate.quad(lambda z: -density(z) * math.log(density(z)), -4, 4, epsrel=1e-5)[0]
    truth = 2 * (entropy - 0.5 * math.log(2 * math.pi * math.e * sigma**2))
    assert point.distribution.mi == pytest.approx(truth, abs=1e-4)


def test_the_information_is_not_invariant_to_the_function():
    truths = {p.panel: p.distribution.mi for p in NoisyFunctions([0.3], datasets=1).points()}
    assert truths["f(x) = x"] > truths["f(x) = sin x"] > truths["f(x) = x³"] + 0.2


def test_every_panel_of_consistency_has_the_same_information():
    points = list(Consistency([1, 5, 20], [100, 300], nats=1.5, datasets=1).points())
    assert [point.distribution.mi for point in points] == pytest.approx([1.5] * 6)
    assert [point.n for point in points] == [100, 300] * 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CorrelatedGaussians(0, [0.5]), "dims >= 1 but got 0"),
        (lambda: CorrelatedGaussians(2, []), r"rho to have one value or more, none twice, but got \[\]"),
        (lambda: CorrelatedGaussians(2, [0.5, 0.5]), "none twice"),
        (lambda: CorrelatedGaussians(2, [0.5], n=-5), "n >= 100 but got -5"),
        (lambda: NoisyFunctions([]), "sigma to have one value or more"),
        (lambda: NoisyFunctions([0.5], datasets=0), "datasets >= 1 but got 0"),
        (lambda: Consistency([-2], [200]), "dims >= 1 but got -2"),
    ],
)
def test_sizes_that_no_study_has_are_told(make, message):
    with pytest.raises(InputError, match=message):
        make()
