"""What a classifier descends: losses as objects, called as ``loss(logits, labels, code)``, in nats."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor
from torch.nn import functional as F

from mine_lightning.errors import InputError
from mine_lightning.types import Code

__all__ = [
    "ClassifierLoss",
    "ConfidencePenalty",
    "CrossEntropy",
    "LabelSmoothing",
    "VariationalBottleneck",
    "kl_from_standard_normal",
]


class ClassifierLoss(ABC):
    """A loss of class logits."""

    @abstractmethod
    def __call__(self, logits: Tensor, labels: Tensor, code: Code) -> Tensor:
        """Return the loss, a scalar in nats.

        Args:
            logits: ``[n, classes]``, in float32 or better.
            labels: ``[n]``, long.
            code: what the logits were computed from.
        """


class CrossEntropy(ClassifierLoss):
    r""":math:`-E \log p(y|z)`."""

    def __call__(self, logits: Tensor, labels: Tensor, code: Code) -> Tensor:
        return F.cross_entropy(logits, labels)


class LabelSmoothing(ClassifierLoss):
    """The cross-entropy to labels that are mixed with the uniform distribution (Szegedy et al., CVPR 2016).

    Args:
        amount: weight of the uniform distribution, 0 to 1; 0.1 was the best of Pereyra et al., 2017, on MNIST.

    Raises:
        InputError: if it lies outside.
    """

    def __init__(self, amount: float = 0.1) -> None:
        if not 0 <= amount <= 1:
            raise InputError(f"Expected an amount of smoothing from 0 to 1 but got {amount}; correct it.")
        self.amount = amount

    def __call__(self, logits: Tensor, labels: Tensor, code: Code) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=self.amount)


class ConfidencePenalty(ClassifierLoss):
    r"""The cross-entropy less the entropy of what is predicted, :math:`-E \log p(y|z) - \beta E H(p(\cdot|z))`.

    Source: Pereyra et al., Regularizing Neural Networks by Penalizing Confident Output Distributions, 2017.

    Args:
        beta: weight of the entropy; 1.0 was the best of the paper on MNIST.

    Raises:
        InputError: if it is negative.
    """

    def __init__(self, beta: float = 1.0) -> None:
        _check_weight(beta)
        self.beta = beta

    def __call__(self, logits: Tensor, labels: Tensor, code: Code) -> Tensor:
        log_p = F.log_softmax(logits, dim=1)
        entropy = -(log_p.exp() * log_p).sum(dim=1).mean()
        return F.nll_loss(log_p, labels) - self.beta * entropy


class VariationalBottleneck(ClassifierLoss):
    r"""The deep variational information bottleneck, :math:`-E \log p(y|z) + \beta E\, KL(q(z|x) \| N(0, I))`.

    The divergence is an upper bound on I(x; z). The authors' code divides both terms by log 2, which Adam does not see.

    Source: Alemi et al., Deep Variational Information Bottleneck, ICLR 2017, equation 17.

    Args:
        beta: weight of the divergence, per nat.

    Raises:
        InputError: if it is negative, and when called with a code without a density.
    """

    def __init__(self, beta: float = 1e-3) -> None:
        _check_weight(beta)
        self.beta = beta

    def __call__(self, logits: Tensor, labels: Tensor, code: Code) -> Tensor:
        if code.mean is None or code.std is None:
            raise InputError(
                "Expected an encoder whose density q(z|x) is known for VariationalBottleneck but got a code without "
                "one; take mine_lightning.networks.NormalEncoder, or another loss."
            )
        rate = kl_from_standard_normal(code.mean, code.std).mean()
        return F.cross_entropy(logits, labels) + self.beta * rate


def kl_from_standard_normal(mean: Tensor, std: Tensor) -> Tensor:
    r"""Return :math:`KL(N(\mu, diag\,\sigma^2) \| N(0, I))` in nats, ``[n]``, of moments ``[n, latent]``."""
    return 0.5 * (mean.square() + std.square() - 1 - 2 * std.log()).sum(dim=1)


def _check_weight(beta: float) -> None:
    if beta < 0:
        raise InputError(f"Expected beta >= 0 but got {beta}; correct it.")
