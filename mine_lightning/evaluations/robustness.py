"""What a bottleneck is said to buy: accuracy on inputs that an adversary, or plain noise, has changed."""

from __future__ import annotations

from typing import Any, final

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from mine_lightning.errors import InputError
from mine_lightning.metrics.classification_error import ErrorPercent
from mine_lightning.streams import private_stream

__all__ = ["Robustness", "fast_gradient_sign"]


def fast_gradient_sign(classifier: Any, x: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    r"""Return :math:`x + \epsilon\, sign(\nabla_x -\log p(y|x))`, cut to [-1, 1], of x ``[n, ...]``.

    The gradient is that of the probability that the classifier predicts with: where it averages over draws of a code,
    the attack does too, else noise in the gradient would pass for robustness. It is taken of the log-odds, whose slope
    has the same sign and does not vanish where the classifier is sure, which would pass for robustness as well.

    Source: Goodfellow et al., Explaining and Harnessing Adversarial Examples, ICLR 2015.

    Args:
        classifier: x to class probabilities ``[n, classes]``; its ``log_probabilities`` is asked in their place, if it
            has one, since a probability of less than 1e-30 has no slope.
        x: inputs in [-1, 1].
        labels: ``[n]``, the true ones.
        epsilon: largest change of a pixel.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = x.clone().requires_grad_()  # what was made in inference mode can't be differentiated
        found, own = _log_probabilities(classifier, x), labels.clone()[:, None]
        others = found.scatter(1, own, -torch.inf).logsumexp(dim=1)
        (slope,) = torch.autograd.grad((others - found.gather(1, own)[:, 0]).sum(), x)
    return (x.detach() + epsilon * slope.sign()).clamp(-1, 1)


def _log_probabilities(classifier: Any, x: Tensor) -> Tensor:
    own = getattr(classifier, "log_probabilities", None)
    return classifier(x).clamp(min=1e-30).log() if own is None else own(x)


@final
class Robustness(Callback):
    """Log ``test/fgsm_error_percent`` and ``test/noisy_error_percent``, beside the error on clean test inputs.

    Reads x and labels from the test batch; the host's ``forward`` returns class probabilities.

    Args:
        epsilon: of :func:`fast_gradient_sign`, with pixels in [-1, 1].
        noise: standard deviation of Gaussian noise on x, cut to [-1, 1] afterwards.

    Raises:
        InputError: if one of them is negative.
    """

    def __init__(self, epsilon: float = 0.2, noise: float = 1.0) -> None:
        if epsilon < 0 or noise < 0:
            raise InputError(f"Expected epsilon >= 0 and noise >= 0 but got {epsilon} and {noise}; correct them.")
        self.epsilon = epsilon
        self.noise = noise
        self._errors = {"fgsm": ErrorPercent(), "noisy": ErrorPercent()}

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for metric in self._errors.values():
            metric.to(pl_module.device).reset()

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        x, labels = batch
        # the same noise in every test of a batch, and none of the global stream
        with (
            private_stream(pl_module.device, batch_idx * trainer.world_size + trainer.global_rank),
            trainer.precision_plugin.forward_context(),
        ):
            attacked = fast_gradient_sign(pl_module, x, labels, self.epsilon)
            noisy = (x + self.noise * torch.randn_like(x)).clamp(-1, 1)
            for name, changed in (("fgsm", attacked), ("noisy", noisy)):
                self._errors[name].update(pl_module(changed), labels)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, metric in self._errors.items():
            # compute() has summed over processes already; sync_dist averages equal numbers
            pl_module.log(f"test/{name}_error_percent", metric.compute(), sync_dist=True)
