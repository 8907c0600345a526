"""The share of labels that are kept, against scikit-learn: one label an image, and several."""

import pytest
import torch
from cases import label_pair
from sklearn.metrics import accuracy_score, hamming_loss

from mine_lightning.metrics.label_agreement import LabelAgreement, labels_kept


def test_one_label_an_image():
    labels, others = torch.randint(10, (2, 500)).unbind()
    metric = LabelAgreement()
    metric.update(labels, others)
    assert metric.compute().item() == pytest.approx(accuracy_score(labels, others))


def test_several_labels_an_image_count_each():
    labels, others = label_pair()
    metric = LabelAgreement()
    for a, b in zip(labels.split(7), others.split(7), strict=True):
        metric.update(a, b)
    assert metric.compute().item() == pytest.approx(1 - hamming_loss(labels, others))
    assert labels_kept(labels, others) == (labels == others).sum()
