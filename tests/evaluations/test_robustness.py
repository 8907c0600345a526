"""The fast gradient sign against a linear classifier, whose adversary is known in closed form."""

import pytest
import torch
from cases import trainer
from pytorch_lightning import LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.evaluations.robustness import Robustness, fast_gradient_sign
from mine_lightning.hosts.classifier import Classifier
from mine_lightning.networks import LinearDecoder, NormalEncoder
from mine_lightning.types import Code

WEIGHT = torch.tensor([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]])
X = torch.rand(200, 3, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8
LABELS = ((X @ WEIGHT.T).argmax(dim=1)).long()  # no error without a change


class Linear(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(WEIGHT.clone())

    def forward(self, x):
        return (x @ self.weight.T).softmax(dim=1)

    def test_step(self, batch, batch_idx):
        return None


def test_each_pixel_moves_by_epsilon_against_the_label_and_stays_a_pixel():
    found = fast_gradient_sign(Linear(), X, LABELS, 0.3)
    towards = torch.where(LABELS[:, None] == 0, -WEIGHT[0].sign(), WEIGHT[0].sign())
    torch.testing.assert_close(found, (X + 0.3 * towards).clamp(-1, 1))
    assert not found.requires_grad


def test_the_attack_is_on_the_average_that_is_predicted_with():
    """Two draws of opposite sign and unequal size: the slope of their mean is that of the larger."""

    class Two(Linear):
        def forward(self, x):
            return (super().forward(3 * x) + super().forward(-x)) / 2

    found = fast_gradient_sign(Two(), torch.zeros(1, 3), torch.tensor([0]), 0.1)
    torch.testing.assert_close(found, -0.1 * WEIGHT[:1].sign())


@pytest.mark.parametrize("margin", [10.0, 60.0, 120.0, 1000.0])
def test_a_classifier_that_is_sure_is_attacked_all_the_same(margin):
    """Each class reads two pixels of its own."""

    class Sure(Classifier):
        def __init__(self):
            super().__init__(nn.Identity(), nn.Linear(4, 2, bias=False))
            self.encoder.forward = Code
            self.decoder.weight.data = margin * torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]])

    x = torch.tensor([[0.5, 0.5, -0.5, -0.5]])
    found = fast_gradient_sign(Sure(), x, torch.tensor([0]), 0.2)
    torch.testing.assert_close(found, x + torch.tensor([[-0.2, -0.2, 0.2, 0.2]]))


def test_log_probabilities_are_those_of_the_mean_over_draws():
    host = Classifier(NormalEncoder(4, 3, (8,), input_noise=0.5), LinearDecoder(3, 5), posterior_samples=4)
    x = torch.randn(6, 4)
    torch.manual_seed(0)
    expected = host(x).log()
    torch.manual_seed(0)
    torch.testing.assert_close(host.log_probabilities(x), expected)


def test_errors_are_those_of_the_changed_inputs(tmp_path):
    data = DataLoader(TensorDataset(X, LABELS), 80)
    host, run = Linear(), trainer(tmp_path, Robustness(epsilon=0.3, noise=0.5))
    first, second = (run.test(host, data, verbose=False)[0] for _ in range(2))
    assert first == second
    attacked = host(fast_gradient_sign(host, X, LABELS, 0.3)).argmax(dim=1)
    assert first["test/fgsm_error_percent"] == pytest.approx(100 * (attacked != LABELS).float().mean().item())
    wrong = 0
    for number, (x, labels) in enumerate(data):
        torch.manual_seed(number)
        wrong += (host((x + 0.5 * torch.randn_like(x)).clamp(-1, 1)).argmax(dim=1) != labels).sum().item()
    assert first["test/noisy_error_percent"] == pytest.approx(wrong / 2)
    assert 0 < first["test/noisy_error_percent"] < first["test/fgsm_error_percent"]


def test_nothing_of_it_is_left_on_the_host_or_in_the_random_stream(tmp_path):
    host = Linear()
    before = torch.get_rng_state()
    trainer(tmp_path, Robustness()).test(host, DataLoader(TensorDataset(X, LABELS), 200), verbose=False)
    assert host.weight.grad is None
    assert torch.equal(host.weight, WEIGHT)
    # the loader itself draws one seed
    torch.set_rng_state(before)
    next(iter(DataLoader(TensorDataset(X, LABELS), 200)))
    expected = torch.get_rng_state()
    torch.set_rng_state(before)
    trainer(tmp_path, Robustness()).test(host, DataLoader(TensorDataset(X, LABELS), 200), verbose=False)
    assert torch.equal(torch.get_rng_state(), expected)


@pytest.mark.parametrize("arguments", [{"epsilon": -0.1}, {"noise": -1.0}])
def test_what_is_no_change_is_told(arguments):
    with pytest.raises(InputError, match="Expected epsilon >= 0 and noise >= 0"):
        Robustness(**arguments)
