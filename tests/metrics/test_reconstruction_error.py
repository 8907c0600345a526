"""The error against NumPy, in half precision too, and at its fixed points."""

import math

import numpy as np
import pytest
import torch
from cases import image_pair

from mine_lightning.metrics.reconstruction_error import ReconstructionError, reconstruction_errors


def test_equal_to_numpy():
    x, reconstruction = image_pair()
    found = ReconstructionError()
    for a, b in zip(x.split(13), reconstruction.split(13), strict=True):
        found.update(a, b)
    expected = np.sqrt(((x.numpy() - reconstruction.numpy()).astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(reconstruction_errors(x, reconstruction).numpy(), expected, rtol=1e-5)
    assert found.compute().item() == pytest.approx(expected.mean(), rel=1e-5)


def test_black_for_white_is_twice_the_root_of_the_pixels():
    white = torch.ones(3, 1, 28, 28)
    assert reconstruction_errors(white, -white).tolist() == pytest.approx([2 * math.sqrt(784)] * 3)


def test_half_precision_is_summed_in_float32():
    x, reconstruction = image_pair()
    half = reconstruction.bfloat16()
    assert torch.equal(reconstruction_errors(x, half), reconstruction_errors(x, half.float()))


def test_mnists_mean_image_scores_what_the_definition_was_chosen_by(mnist_root):
    from mine_lightning.data.digit_images import load_digit_images

    images = load_digit_images(mnist_root).train_images[:10_000, None].float() / 127.5 - 1
    found = reconstruction_errors(images, images.mean(dim=0, keepdim=True).expand_as(images))
    assert found.mean().item() == pytest.approx(14.4, abs=0.2)
