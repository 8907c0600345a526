"""Losses of a classifier against what is written by hand, and against torch's own."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from mine_lightning.errors import InputError
from mine_lightning.hosts.classification import (
    ConfidencePenalty,
    CrossEntropy,
    LabelSmoothing,
    VariationalBottleneck,
    kl_from_standard_normal,
)
from mine_lightning.types import Code

stream = torch.Generator().manual_seed(1)
LOGITS = torch.randn(7, 4, generator=stream, dtype=torch.float64)
LABELS = torch.randint(4, (7,), generator=stream)
MEAN, STD = torch.randn(7, 3, generator=stream, dtype=torch.float64), torch.rand(7, 3, generator=stream).double() + 0.1
CODE = Code(MEAN, MEAN, STD)


def by_hand():
    """Probabilities, and the cross-entropy, from exponentials."""
    p = [[math.exp(a) / sum(map(math.exp, row)) for a in row] for row in LOGITS.tolist()]
    return p, -sum(math.log(row[label]) for row, label in zip(p, LABELS.tolist(), strict=True)) / 7


def test_cross_entropy():
    assert CrossEntropy()(LOGITS, LABELS, CODE).item() == pytest.approx(by_hand()[1])


def test_label_smoothing_is_torchs_and_the_mixture_of_labels():
    p, cross_entropy = by_hand()
    uniform = -sum(math.log(q) for row in p for q in row) / 28
    found = LabelSmoothing(0.3)(LOGITS, LABELS, CODE)
    assert found.item() == pytest.approx(0.7 * cross_entropy + 0.3 * uniform)
    assert torch.equal(found, torch.nn.CrossEntropyLoss(label_smoothing=0.3)(LOGITS, LABELS))


def test_confidence_penalty_takes_the_entropy_off():
    p, cross_entropy = by_hand()
    entropy = -sum(q * math.log(q) for row in p for q in row) / 7
    assert ConfidencePenalty(0.4)(LOGITS, LABELS, CODE).item() == pytest.approx(cross_entropy - 0.4 * entropy)


def test_confidence_penalty_spreads_what_is_predicted():
    logits = torch.tensor([[8.0, 0.0]], requires_grad=True)
    penalised, plain = (loss(logits, torch.tensor([0]), CODE) for loss in (ConfidencePenalty(1.0), CrossEntropy()))
    (slope,) = torch.autograd.grad(penalised - plain, logits)
    assert slope[0, 0] > 0 > slope[0, 1]


def test_kl_equals_that_of_torchs_distributions():
    expected = kl_divergence(Normal(MEAN, STD), Normal(torch.zeros(3).double(), torch.ones(3).double())).sum(dim=1)
    torch.testing.assert_close(kl_from_standard_normal(MEAN, STD), expected)
    assert not kl_from_standard_normal(torch.zeros(2, 3), torch.ones(2, 3)).any()
    found = VariationalBottleneck(0.02)(LOGITS, LABELS, CODE)
    assert found.item() == pytest.approx(by_hand()[1] + 0.02 * expected.mean().item())


def test_a_code_without_density_is_told():
    with pytest.raises(InputError, match="take mine_lightning"):
        VariationalBottleneck()(LOGITS, LABELS, Code(MEAN))


@pytest.mark.parametrize(
    "make", [lambda: LabelSmoothing(1.5), lambda: ConfidencePenalty(-1), lambda: VariationalBottleneck(-1)]
)
def test_weights_that_are_none_are_told(make):
    with pytest.raises(InputError, match="correct it"):
        make()
