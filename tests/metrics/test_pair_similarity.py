"""MS-SSIM against its definition written out with SciPy, and the number of scales against what torchmetrics takes."""

import numpy as np
import pytest
import torch
from cases import image_pair
from scipy.signal import convolve2d
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from mine_lightning.metrics.pair_similarity import PairSimilarity, pair_similarities, scales_for


def parts(a, b):
    """Return the SSIM and the contrast-structure term of two grey images with pixels in [-1, 1], read as [0, 1]."""
    a, b = (a + 1) / 2, (b + 1) / 2
    axis = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(axis, axis) / axis.sum() ** 2

    def smooth(image):
        return convolve2d(image, window, mode="valid")

    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b, cov = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2, smooth(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    contrast = (2 * cov + c2) / (var_a + var_b + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * contrast).mean(), contrast.mean()


def halved(image):
    return image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean(axis=(1, 3))


def test_two_scales_of_28_pixels_equal_the_definition():
    x, reconstruction = image_pair(5)
    found = pair_similarities(x[:, :1], reconstruction[:, :1])
    first, second = 0.0448 / (0.0448 + 0.2856), 0.2856 / (0.0448 + 0.2856)
    for number in range(5):
        a, b = x[number, 0].double().numpy(), reconstruction[number, 0].double().numpy()
        _, contrast = parts(a, b)
        # the window of torchmetrics lies outside of the 14 pixels by a reflection; its mean is over all of them
        half_a, half_b = (np.pad(halved(image), 5, mode="reflect") for image in (a, b))
        similarity, _ = parts(half_a, half_b)
        expected = max(contrast, 0) ** first * max(similarity, 0) ** second
        assert found[number].item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("side", "scales"), [(21, 1), (22, 2), (28, 2), (44, 3), (64, 3), (99, 4), (175, 4), (176, 5)])
def test_as_many_scales_as_torchmetrics_takes(side, scales):
    assert scales_for(side) == scales
    images = torch.rand(1, 1, side, side)
    multiscale_structural_similarity_index_measure(images, images, betas=(0.2,) * scales, data_range=1.0)
    if 2 <= scales < 5:
        with pytest.raises(ValueError, match=r"larger than|Padding size"):
            multiscale_structural_similarity_index_measure(images, images, betas=(0.2,) * (scales + 1), data_range=1.0)


def test_two_greys_around_the_middle_are_alike():
    """Were intensities read as they are, of which one is below 0 and the other above, they would be opposites."""
    texture = 0.2 * torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert pair_similarities(texture - 0.2, texture).item() > 0.95


def test_the_worse_the_reconstruction_the_less_similar():
    x = image_pair(4)[0]
    noise = torch.randn(x.shape)
    values = [pair_similarities(x, x + std * noise).mean().item() for std in (0.0, 0.2, 0.5, 1.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1.0)


def test_negative_correlations_count_as_none():
    x = image_pair(3)[0]
    assert pair_similarities(x, -x).tolist() == [0.0] * 3


def test_images_smaller_than_the_window_are_told():
    with pytest.raises(ValueError, match="Expected images of at least 11 pixels a side but got 8"):
        PairSimilarity().update(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))


def test_no_images_are_no_update():
    metric = PairSimilarity()
    metric.update(torch.zeros(0, 1, 28, 28), torch.zeros(0, 1, 28, 28))
    assert metric.compute().isnan()
