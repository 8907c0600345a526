"""Margins against SciPy's ranks, and that they are one-to-one."""

import pytest
import torch
from scipy import stats

from mine_lightning.estimation.margins import SAMPLE, NormalMargins, OneHot, Standardised, fit_margin, pieces


def test_normal_margins_are_the_normal_quantiles_of_the_ranks():
    raw = torch.cat([torch.randn(300, 1), torch.randint(5, (300, 1))], dim=1).double()
    found = NormalMargins(raw)(raw)
    # equal values share the middle of their ranks
    expected = stats.norm.ppf((stats.rankdata(raw.numpy(), axis=0) - 0.5) / 300)
    torch.testing.assert_close(found, torch.from_numpy(expected).float())


def test_normal_margins_do_not_see_a_rising_map():
    raw = torch.randn(200, 2, dtype=torch.float64)
    mapped = raw.exp() ** 3
    assert torch.equal(NormalMargins(raw)(raw), NormalMargins(mapped)(mapped))


def test_values_outside_of_the_sample_stay_finite():
    margin = NormalMargins(torch.arange(10.0)[:, None])
    low, high = margin(torch.tensor([[-1e9], [1e9]])).flatten().tolist()
    assert low == pytest.approx(-high)
    assert high == pytest.approx(stats.norm.ppf(0.95))


@pytest.mark.parametrize("shape", [(500, 3), (50, 2, 6, 6)])
def test_standardised_has_mean_zero_and_deviation_one_in_each_coordinate_or_channel(shape):
    raw = 5 + 3 * torch.randn(shape)
    found = Standardised(raw)(raw)
    axes = [axis for axis in range(len(shape)) if axis != 1]
    torch.testing.assert_close(found.mean(axes), torch.zeros(shape[1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(axes), torch.ones(shape[1]), atol=1e-3, rtol=0)


def test_labels_become_one_hot():
    found = OneHot(torch.tensor([7, 3]))(torch.tensor([[3], [7], [3]]))
    assert torch.equal(found, torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))


def test_large_data_is_fitted_on_a_part():
    raw = torch.randn(SAMPLE[0] + 5000, 1)
    margin = fit_margin(raw, None, True, torch.Generator().manual_seed(0))
    assert isinstance(margin, NormalMargins)
    assert margin.sorted.shape == (1, SAMPLE[0])
    assert margin(raw).std().item() == pytest.approx(1, abs=0.01)


def test_long_vectors_are_fitted_on_fewer(monkeypatch):
    monkeypatch.setattr("mine_lightning.estimation.margins.SAMPLE", (2**17, 2**16))
    margin = fit_margin(torch.randn(9000, 8), None, True, torch.Generator().manual_seed(0))
    assert margin.sorted.shape == (8, 2**13)
    margin = fit_margin(torch.randn(9000, 80), None, True, torch.Generator().manual_seed(0))
    assert margin.sorted.shape == (80, 2**12)  # never on less


def test_moments_are_those_of_all_images(monkeypatch):
    monkeypatch.setattr("mine_lightning.estimation.margins.SAMPLE", (50, 1))
    margin = fit_margin(IMAGES, None, True, torch.Generator())
    assert torch.equal(margin.mean, Standardised(IMAGES).mean)


@pytest.mark.parametrize("unit", [1e-300, 1e-18, 1e300])
@pytest.mark.parametrize("shape", [(200, 3), (50, 2, 6, 6)])
def test_units_do_not_matter_to_standardised(shape, unit):
    raw = 5 + 3 * torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(Standardised(raw * unit)(raw * unit), Standardised(raw)(raw), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9])
def test_a_channel_that_never_varies_is_nothing_and_not_its_rounding_enlarged(constant):
    raw = torch.randn(50, 2, 6, 6, dtype=torch.float64)
    raw[:, 1] = constant
    assert Standardised(raw)(raw)[:, 1].abs().max() < 1e-6


def test_a_small_spread_around_a_large_value_counts():
    raw = 1e9 + 1e-4 * torch.randn(500, 1, dtype=torch.float64)
    assert Standardised(raw)(raw).std().item() == pytest.approx(1, abs=1e-3)


IMAGES = torch.randint(256, (50, 3, 4, 5), dtype=torch.uint8)


@pytest.mark.parametrize("numbers", [1, 130, 10**6])
def test_pieces_are_all_rows_in_their_order_of_few_numbers_each(monkeypatch, numbers):
    monkeypatch.setattr("mine_lightning.estimation.margins.NUMBERS", numbers)
    found = list(pieces(IMAGES))
    assert torch.equal(torch.cat([piece for _, piece in found]), IMAGES)
    assert all(torch.equal(piece, IMAGES[start : start + len(piece)]) for start, piece in found)
    assert all(len(piece) == 1 or piece.numel() <= numbers for _, piece in found)


@pytest.mark.parametrize("raw", [IMAGES, torch.randn(200, 4).exp()], ids=["images", "vectors"])
@pytest.mark.parametrize("gaussianise", [True, False])
def test_a_margin_in_pieces_is_that_of_the_whole(monkeypatch, raw, gaussianise):
    whole = fit_margin(raw, None, gaussianise, torch.Generator())(raw)
    monkeypatch.setattr("mine_lightning.estimation.margins.NUMBERS", 150)
    margin = fit_margin(raw, None, gaussianise, torch.Generator())
    seen, alone = [], type(margin).__call__
    monkeypatch.setattr(type(margin), "__call__", lambda self, piece: seen.append(piece) or alone(self, piece))
    torch.testing.assert_close(margin.of_all(raw), whole, rtol=1e-6, atol=1e-7)
    assert len(seen) > 1
    assert max(piece.numel() for piece in seen) <= 150


def test_labels_in_pieces_count_what_they_become(monkeypatch):
    monkeypatch.setattr("mine_lightning.estimation.margins.NUMBERS", 150)
    margin, labels = OneHot(torch.arange(50)), torch.arange(50)[:, None]
    seen, alone = [], OneHot.__call__
    monkeypatch.setattr(OneHot, "__call__", lambda self, piece: seen.append(len(piece)) or alone(self, piece))
    assert torch.equal(margin.of_all(labels), torch.eye(50))
    assert max(seen) == 3


def test_standardised_has_the_moments_of_torch():
    margin = Standardised(IMAGES)
    std, mean = torch.std_mean(IMAGES.double(), dim=(0, 2, 3), keepdim=True)
    torch.testing.assert_close(margin.unit * margin.mean, mean, rtol=1e-13, atol=0)
    torch.testing.assert_close(margin.unit * margin.std, std, rtol=1e-13, atol=0)
