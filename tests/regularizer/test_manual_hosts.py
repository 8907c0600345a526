"""Hosts under manual optimisation, in every style that people write, against the same host with the term by hand."""

import pytest
import torch
from by_hand import VAE, StyledGAN, Term, TwoJoints
from cases import conv, difference, sgd, small_mlp, trainer
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.estimator import MINE
from mine_lightning.regularizer.callback import MINERegularizer

IMAGES = torch.rand(96, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
STYLES = [
    "two_forwards",
    "toggled",
    "no_grad",
    "detached",
    "shared",
    "shared_zeroed_in_place",
    "shared_every_other_batch",
    "two_losses",
    "accumulated",
    "rmse",
    "clipped",
    "scaled",
    "penalised",
    "raw_optimizer",
    "checkpointed",
]


def fit(tmp_path, style, term=None, callback=None):
    torch.manual_seed(0)
    host = StyledGAN(style, term)
    trainer(tmp_path, *([] if callback is None else [callback])).fit(host, DataLoader(IMAGES, 16))
    return host


@pytest.mark.parametrize("style", STYLES)
def test_gan(tmp_path, style):
    term = Term(MINE(conv, (3, 8, 8), (2,)), 1.0, "maximize")
    callback = MINERegularizer(
        "output:generator",
        "input:generator[:, :2]",
        "maximize",
        adaptive_clip=False,
        statistics_network=conv,
        optimizer=sgd,
    )
    plain = fit(tmp_path, style)
    reference = fit(tmp_path, style, term)
    host = fit(tmp_path, style, callback=callback)
    effect = difference(plain, reference)
    assert effect > 1e-4
    assert difference(host, reference) <= 1e-4 * effect
    assert difference(callback.mine, term.mine) <= 1e-3 * difference(MINE(conv, (3, 8, 8), (2,)), term.mine)


@pytest.mark.parametrize("beta", [1.0, 300.0])
@pytest.mark.parametrize("style", ["toggled", "shared", "two_losses", "penalised", "checkpointed"])
def test_gan_with_adaptive_clipping(tmp_path, style, beta):
    term = Term(MINE(conv, (3, 8, 8), (2,)), beta, "maximize", adaptive=True)
    callback = MINERegularizer(
        "output:generator", "input:generator[:, :2]", "maximize", beta, statistics_network=conv, optimizer=sgd
    )
    plain, reference = fit(tmp_path, style), fit(tmp_path, style, term)
    host = fit(tmp_path, style, callback=callback)
    assert (min(term.factors) < 1) == (beta == 300)
    assert difference(host, reference) <= 1e-4 * difference(plain, reference)


@pytest.mark.parametrize("manual", [True, False])
def test_vae_whose_code_is_caught_where_it_enters_the_decoder(tmp_path, manual):
    data = DataLoader(TensorDataset(torch.randn(96, 4, generator=torch.Generator().manual_seed(1))), 16)

    def fit(term=None, *callbacks):
        torch.manual_seed(0)
        host = VAE(manual, term)
        trainer(tmp_path, *callbacks).fit(host, data)
        return host

    callback = MINERegularizer(
        "batch:0",
        "input:decoder",
        "maximize",
        0.5,
        adaptive_clip=False,
        statistics_network=small_mlp,
        optimizer=sgd,
    )
    plain, reference = fit(), fit(Term(MINE(small_mlp, (4,), (3,)), 0.5, "maximize"))
    effect = difference(plain, reference)
    assert effect > 1e-4
    assert difference(fit(None, callback), reference) <= 1e-3 * effect


@pytest.mark.parametrize("manual", [True, False])
def test_two_joints_as_one_batch_of_pairs(tmp_path, manual):
    data = DataLoader(TensorDataset(torch.randn(96, 4, generator=torch.Generator().manual_seed(1))), 16)

    def fit(term=None, *callbacks):
        torch.manual_seed(0)
        host = TwoJoints(manual, term)
        trainer(tmp_path, *callbacks).fit(host, data)
        return host

    callback = MINERegularizer(
        ["batch:0", "output:decoder"],
        ["output:encoder", "input:decoder"],
        "maximize",
        0.5,
        adaptive_clip=False,
        statistics_network=small_mlp,
        optimizer=sgd,
    )
    plain, reference = fit(), fit(Term(MINE(small_mlp, (4,), (2,)), 0.5, "maximize"))
    host = fit(None, callback)
    for part in ("encoder", "decoder"):
        effect = difference(getattr(plain, part), getattr(reference, part))
        assert effect > 1e-4
        assert difference(getattr(host, part), getattr(reference, part)) <= 1e-3 * effect
