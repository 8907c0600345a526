"""KSG against a double loop over all pairs, and against the closed form."""

import math

import numpy as np
import pytest
import torch
from scipy.special import digamma

from mine_lightning.baselines import ksg
from mine_lightning.data.known_mi import Gaussian, dense, sparse
from mine_lightning.errors import InputError


def brute_force(x, z, k):
    n = len(x)
    total = 0.0
    for i in range(n):
        to_x = np.array([max(abs(a - b) for a, b in zip(x[i], x[j], strict=True)) for j in range(n) if j != i])
        to_z = np.array([max(abs(a - b) for a, b in zip(z[i], z[j], strict=True)) for j in range(n) if j != i])
        radius = np.sort(np.maximum(to_x, to_z))[k - 1]
        total += digamma((to_x < radius).sum() + 1) + digamma((to_z < radius).sum() + 1)
    return digamma(k) + digamma(n) - total / n


@pytest.mark.parametrize(("dims", "k"), [((1, 1), 1), ((1, 1), 3), ((2, 3), 4)])
def test_it_equals_the_formula_over_all_pairs(dims, k):
    x, z = (array.numpy() for array in Gaussian("g", dense(3, 0.6)).sample(80, 0))
    x, z = x[:, : dims[0]], z[:, : dims[1]]
    assert ksg(x, z, k) == pytest.approx(brute_force(x.astype(float), z.astype(float), k), abs=1e-12)


def test_distances_that_tie_with_the_radius_do_not_count():
    # a grid: nearly every distance ties, so that counting "up to" in place of "below" is far off
    x, z = (np.arange(6.0).repeat(6)[:, None], np.tile(np.arange(6.0), 6)[:, None])
    assert ksg(x, z, 2) == pytest.approx(brute_force(x, z, 2), abs=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_it_is_near_the_closed_form(rho):
    x, z = Gaussian("g", sparse(1, rho)).sample(20_000, 1)
    assert ksg(x, z) == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.03)


def test_arrays_of_one_axis_are_samples_of_one_number():
    x, z = Gaussian("g", sparse(1, 0.5)).sample(200, 1)
    assert ksg(x[:, 0], z[:, 0]) == ksg(x, z)


def test_wrong_input_is_told():
    with pytest.raises(InputError, match="Expected as many x as z but got 5 and 4"):
        ksg(np.zeros(5), np.zeros(4))
    with pytest.raises(InputError, match="Expected k from 1 to 4 neighbours of 5 samples but got 5"):
        ksg(np.arange(5), np.arange(5), k=5)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_tensors_are_read_in_any_precision_and_with_a_graph(kind):
    x, z = Gaussian("g", sparse(1, 0.5)).sample(200, 1)
    rounded = x.to(kind)
    assert ksg(rounded.clone().requires_grad_(), z) == ksg(rounded.float().numpy(), z.numpy())


@pytest.mark.parametrize(
    ("x", "k", "message"),
    [
        (np.arange(5), 2.5, "Expected k to be a whole number of neighbours but got 2.5"),
        (np.arange(5), True, "Expected k to be a whole number of neighbours but got True"),
        (np.arange(5) + 1j, 3, "Expected real numbers in x but got complex128"),
        (["a"] * 5, 3, "Expected real numbers in x but got"),
        ([np.nan, 1, 2, 3, 4], 3, "Expected finite numbers in x but some are NaN or infinite"),
        ([], 3, r"Expected x as samples \[n\] or \[n, ...\] but got shape \[0\]"),
        (1.0, 3, r"Expected x as samples \[n\] or \[n, ...\] but got shape \[\]"),
        ([[1.0], [2.0, 3.0]], 3, "Expected samples of one shape in x but"),
    ],
)
def test_what_it_has_no_number_for_is_told(x, k, message):
    with pytest.raises(InputError, match=message):
        ksg(x, np.arange(5.0), k=k)
