"""Encoders of the bottleneck table: sizes, the law of their noise, and that it stays in evaluation mode."""

import pytest
import torch
from torch.nn import functional as F

from mine_lightning.errors import InputError
from mine_lightning.networks import (
    AdditiveEncoder,
    DeterministicEncoder,
    LinearDecoder,
    NormalEncoder,
    PropagatedEncoder,
)

ENCODERS = [DeterministicEncoder, NormalEncoder, AdditiveEncoder, PropagatedEncoder]
SMALL = {"inputs": 6, "latent": 3, "hidden": (8, 5)}
X = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(1))
SAME = X[:1].expand(20_000, 2, 3)


@pytest.mark.parametrize("make", ENCODERS)
class TestEvery:
    def test_one_code_a_sample_and_gradient_everywhere(self, make):
        encoder = make(**SMALL)
        z = encoder(X).z
        assert z.shape == (4, 3)
        z.square().sum().backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())

    def test_the_decoder_takes_its_code_in_halves_and_under_autocast(self, make):
        for dtype in (torch.bfloat16, torch.float64):
            z = make(**SMALL).to(dtype)(X.to(dtype)).z
            assert LinearDecoder(3, 2).to(dtype)(z).dtype == dtype
        with torch.autocast("cpu", torch.bfloat16):
            z = make(**SMALL)(X).z
            assert z.dtype == (torch.float32 if make is NormalEncoder else torch.bfloat16)  # its noise may be 1e-3 of z
            assert LinearDecoder(3, 2)(z).dtype == torch.bfloat16

    def test_by_default_it_has_the_sizes_of_the_recipe(self, make):
        encoder = make()
        layers = [module for module in encoder.modules() if isinstance(module, torch.nn.Linear)]
        wide = 784 + 256 if make is PropagatedEncoder else 784
        assert [layer.in_features for layer in layers] == [wide, 1024, 1024]
        assert layers[-1].out_features == (512 if make is NormalEncoder else 256)
        for layer in layers:  # Xavier: uniform with variance 2 / (inputs + outputs)
            variance = 2 / (layer.in_features + layer.out_features)
            assert layer.weight.var().item() == pytest.approx(variance, rel=0.02)
            assert layer.weight.abs().max().item() <= (3 * variance) ** 0.5
            assert not layer.bias.any()

    def test_two_draws_differ_in_evaluation_mode_where_it_says_so(self, make):
        encoder = make(**SMALL).eval()
        assert torch.equal(encoder(X).z, encoder(X).z) != encoder.stochastic


def test_the_gaussian_code_has_the_moments_that_it_tells():
    encoder = NormalEncoder(**SMALL)
    with torch.no_grad():
        encoder.body[-1].bias[3:] = torch.tensor([4.0, 5.0, 7.0])
        z, mean, std = encoder(SAME)
    moments = encoder.body(X[:1].flatten(1))[0]
    torch.testing.assert_close(mean[0], moments[:3])
    torch.testing.assert_close(std[0], torch.log1p(torch.exp(moments[3:] - 5)))
    torch.testing.assert_close(z.mean(dim=0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(z.std(dim=0), std[0], atol=0, rtol=0.03)


def test_a_gaussian_code_starts_almost_without_noise_and_keeps_that_in_bfloat16():
    encoder = NormalEncoder(**SMALL)
    torch.nn.init.zeros_(encoder.body[-1].weight)
    with torch.autocast("cpu", torch.bfloat16):
        code = encoder(X)
    assert code.std.dtype == torch.float32
    torch.testing.assert_close(code.std, torch.full((4, 3), F.softplus(torch.tensor(-5.0)).item()))


def test_noise_on_the_input_is_gaussian_noise_of_that_size():
    encoder = AdditiveEncoder(inputs=6, latent=6, hidden=(), input_noise=0.5).eval()
    with torch.no_grad():
        encoder.body[0].weight.copy_(torch.eye(6))
        z = encoder(SAME).z
    torch.testing.assert_close(z.mean(dim=0), X[0].flatten(), atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(z.T), 0.25 * torch.eye(6), atol=0.01, rtol=0)


def test_with_noise_on_the_input_the_gaussian_moments_are_those_of_the_noisy_input():
    encoder = NormalEncoder(inputs=6, latent=6, hidden=(), input_noise=0.5).eval()
    with torch.no_grad():
        encoder.body[0].weight.copy_(torch.cat([torch.eye(6), torch.zeros(6, 6)]))
        code = encoder(SAME)
    torch.testing.assert_close(code.mean.std(dim=0), torch.full((6,), 0.5), atol=0.01, rtol=0)
    torch.testing.assert_close((code.z - code.mean).std(dim=0), code.std[0], atol=0, rtol=0.03)


def test_propagated_noise_enters_beside_the_input_as_standard_normal_numbers():
    encoder = PropagatedEncoder(inputs=6, latent=8, hidden=(), noise=2).eval()
    with torch.no_grad():
        encoder.body[0].weight.copy_(torch.eye(8))
        z = encoder(SAME).z
    torch.testing.assert_close(z[:, :6], SAME.flatten(1))
    torch.testing.assert_close(torch.cov(z[:, 6:].T), torch.eye(2), atol=0.04, rtol=0)


def test_dropout_acts_on_both_hidden_layers_and_in_training_alone():
    encoder = DeterministicEncoder(**SMALL, dropout=0.5)
    assert sum(isinstance(module, torch.nn.Dropout) and module.p == 0.5 for module in encoder.modules()) == 2
    assert isinstance(encoder.body[-1], torch.nn.Linear)
    assert not torch.equal(encoder(X).z, encoder(X).z)
    encoder.eval()
    assert torch.equal(encoder(X).z, encoder(X).z)


def test_the_decoder_is_linear_and_starts_by_xavier():
    decoder = LinearDecoder(3, 5)
    z = torch.randn(4, 3)
    torch.testing.assert_close(decoder(z), z @ decoder.weight.T)
    assert decoder.weight.abs().max().item() <= (6 / 8) ** 0.5


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (AdditiveEncoder, {"input_noise": -1.0}),
        (NormalEncoder, {"input_noise": -1.0}),
        (PropagatedEncoder, {"noise": 0}),
    ],
)
def test_noise_that_is_none_is_told(make, arguments):
    with pytest.raises(InputError, match="noise"):
        make(**arguments)
