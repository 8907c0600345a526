"""The judge's network."""

import torch

from mine_lightning.networks import DigitClassifier


def test_ten_logits_a_digit():
    assert DigitClassifier()(torch.randn(4, 1, 28, 28)).shape == (4, 10)
