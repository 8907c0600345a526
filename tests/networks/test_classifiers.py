"""The judges' networks."""

import torch

from mine_lightning.networks import AttributeClassifier, DigitClassifier


def test_ten_logits_a_digit():
    assert DigitClassifier()(torch.randn(4, 1, 28, 28)).shape == (4, 10)


def test_one_logit_an_attribute():
    assert AttributeClassifier(7, width=2)(torch.randn(4, 3, 64, 64)).shape == (4, 7)
