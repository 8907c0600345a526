"""Bounds from known densities against a loop, torch's distributions, and linear Gaussian codes with known information."""

import math

import pytest
import torch
from torch.distributions import Normal

from mine_lightning.metrics.known_density import KnownDensityInformation, known_density_bounds, log_densities


def linear_code(n, noise, d=2, seed=1):
    """z = x + noise * e of standard normal x: I(x; z) = d/2 log(1 + 1 / noise^2)."""
    stream = torch.Generator().manual_seed(seed)
    mean = torch.randn(n, d, generator=stream, dtype=torch.float64)
    std = torch.full_like(mean, noise)
    return mean + std * torch.randn(n, d, generator=stream, dtype=torch.float64), mean, std


def truth(noise, d=2):
    return d / 2 * math.log(1 + noise**-2)


def test_densities_are_those_of_torchs_distributions_also_where_noise_is_tiny():
    stream = torch.Generator().manual_seed(2)
    z, mean = torch.randn(2, 5, 3, generator=stream)
    for std in (torch.rand(5, 3, generator=stream) + 0.1, torch.full((5, 3), 0.006)):
        expected = Normal(mean.double(), std.double()).log_prob(z.double()[:, None]).sum(dim=2)
        torch.testing.assert_close(log_densities(z, mean, std), expected)


@pytest.mark.parametrize("least", [0.0, 1e-12])
def test_a_code_without_noise_has_no_upper_end_and_no_nan(least):
    """As softplus gives it, which is exactly 0 far below 0."""
    stream = torch.Generator().manual_seed(2)
    mean = 20 * torch.randn(50, 8, generator=stream)
    std = torch.rand(50, 8, generator=stream)
    std[:, :3] = least
    z = mean + std * torch.randn(50, 8, generator=stream)
    metric = KnownDensityInformation()
    metric.update(z, mean, std)
    found = metric.compute()
    assert found["mi_lower"] == pytest.approx(math.log(50))
    assert found["mi_upper"] > 1e9
    assert not any(value.isnan() for value in found.values())


@pytest.mark.parametrize("std", [1e-4, 1e-9])
def test_the_own_density_is_exact_where_z_is_large_beside_its_noise(std):
    mean = torch.tensor([[1000.0], [2000.0]], dtype=torch.float64)
    z = mean + std * torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    lower, upper = known_density_bounds(z, mean, torch.full_like(mean, std))
    torch.testing.assert_close(lower, torch.full_like(lower, math.log(2)))
    assert (upper > 1e10).all()


def test_bounds_are_the_equations_by_a_loop():
    z, mean, std = linear_code(6, 0.5)
    density = Normal(mean, std).log_prob(z[:, None]).sum(dim=2).exp().tolist()
    lower = [math.log(row[i] / (sum(row) / 6)) for i, row in enumerate(density)]
    upper = [math.log(row[i] / ((sum(row) - row[i]) / 5)) for i, row in enumerate(density)]
    for found, expected in zip(known_density_bounds(z, mean, std), (lower, upper), strict=True):
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_many_samples_are_taken_in_parts(monkeypatch):
    whole = known_density_bounds(*linear_code(50, 0.5))
    monkeypatch.setattr("mine_lightning.metrics.known_density._ROWS", 7)
    for a, b in zip(whole, known_density_bounds(*linear_code(50, 0.5)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("noise", [3.0, 1.0, 0.3])
def test_they_enclose_the_true_information_of_a_linear_gaussian_code(noise):
    metric = KnownDensityInformation()
    for part in zip(*(tensor.split(700) for tensor in linear_code(2000, noise)), strict=True):
        metric.update(*part)
    found = {name: value.item() for name, value in metric.compute().items()}
    assert found["mi_lower"] <= truth(noise) + 3 * found["mi_lower_stderr"]
    assert found["mi_upper"] >= truth(noise) - 3 * found["mi_upper_stderr"]
    assert found["mi_upper"] - found["mi_lower"] < 0.05
    assert abs(found["mi_lower"] - truth(noise)) < 0.1
    assert found["mi_limit"] == pytest.approx(math.log(2000))


def test_in_expectation_over_small_sets_they_are_a_lower_and_an_upper_bound():
    sets = [known_density_bounds(*linear_code(8, 0.2, seed=seed)) for seed in range(400)]
    for place, sign in ((0, 1), (1, -1)):
        means = torch.stack([bounds[place].mean() for bounds in sets])
        error = (means.std() / 20).item()
        assert sign * (truth(0.2) - means.mean().item()) > 3 * error


def test_where_densities_do_not_overlap_the_lower_one_sits_at_its_limit_and_the_upper_one_is_above():
    lower, upper = (bound.mean().item() for bound in known_density_bounds(*linear_code(100, 1e-4)))
    assert lower == pytest.approx(math.log(100))
    assert upper > 10 * truth(1e-4)


def test_a_code_that_tells_nothing_has_no_information():
    z = torch.randn(300, 2)
    for bound in known_density_bounds(z, torch.zeros(300, 2), torch.ones(300, 2)):
        torch.testing.assert_close(bound, torch.zeros(300).double(), atol=1e-12, rtol=0)


def test_two_processes_join_their_samples():
    together, first, second = (KnownDensityInformation() for _ in range(3))
    code = linear_code(40, 0.5)
    together.update(*code)
    first.update(*(part[:15] for part in code))
    second.update(*(part[15:] for part in code))
    for name, reduce in first._reductions.items():
        setattr(first, name, [reduce([*getattr(first, name), *getattr(second, name)])])
    found, expected = first.compute(), together.compute()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name])


def test_one_sample_tells_nothing_and_shapes_that_differ_are_told():
    metric = KnownDensityInformation()
    metric.update(*(part[:1] for part in linear_code(2, 0.5)))
    assert metric.compute() == {}
    with pytest.raises(ValueError, match="Expected z, mean and std"):
        metric.update(torch.zeros(3, 2), torch.zeros(3, 1), torch.ones(3, 2))
    with pytest.raises(ValueError, match="2 samples or more"):
        known_density_bounds(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2))


@pytest.mark.parametrize("least", [1e-6, 1e-10, 0.0])
@pytest.mark.parametrize("common", [0.3, 1.7, 1e6])
def test_a_dimension_that_tells_nothing_changes_nothing_whatever_its_place_and_its_noise(common, least):
    z, mean, std = linear_code(400, 0.5)
    code = torch.full((400, 1), common, dtype=torch.float64)
    noisy = code + least * torch.randn(400, 1, dtype=torch.float64)
    wide = (torch.cat(pair, 1) for pair in ((z, noisy), (mean, code), (std, torch.full_like(code, least))))
    for found, expected in zip(known_density_bounds(*wide), known_density_bounds(z, mean, std), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_a_shift_of_all_codes_changes_nothing():
    z, mean, std = linear_code(400, 1e-2)
    for found, expected in zip(
        known_density_bounds(z + 1e6, mean + 1e6, std), known_density_bounds(z, mean, std), strict=True
    ):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
