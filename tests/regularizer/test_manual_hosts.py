"""Hosts under manual optimisation, in every style that people write, against the same host with the term by hand."""

import pytest
import torch
from by_hand import VAE, StyledGAN, Term, TwoJoints
from cases import conv, difference, sgd, small_mlp, trainer
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.errors import InputError
from mine_lightning.estimator import MINE
from mine_lightning.regularizer.callback import MINERegularizer

IMAGES = torch.rand(96, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
STYLES = [
    "two_forwards",
    "toggled",
    "toggled_after",
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
    "inputs_named",
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
@pytest.mark.parametrize("style", ["toggled", "toggled_after", "shared", "two_losses", "penalised", "checkpointed"])
def test_gan_with_adaptive_clipping(tmp_path, style, beta):
    term = Term(MINE(conv, (3, 8, 8), (2,)), beta, "maximize", adaptive=True)
    callback = MINERegularizer(
        "output:generator", "input:generator[:, :2]", "maximize", beta, statistics_network=conv, optimizer=sgd
    )
    plain, reference = fit(tmp_path, style), fit(tmp_path, style, term)
    host = fit(tmp_path, style, callback=callback)
    assert (min(term.factors) < 1) == (beta == 300)
    assert difference(host, reference) <= 1e-4 * difference(plain, reference)


VECTORS = TensorDataset(torch.randn(96, 4, generator=torch.Generator().manual_seed(1)))


def fit_vectors(tmp_path, host_class, manual, term=None, callback=None):
    torch.manual_seed(0)
    host = host_class(manual, term)
    trainer(tmp_path, *([] if callback is None else [callback])).fit(host, DataLoader(VECTORS, 16))
    return host


def on_vectors(x, z):
    return MINERegularizer(x, z, "maximize", 0.5, adaptive_clip=False, statistics_network=small_mlp, optimizer=sgd)


BOTH = (["batch:0", "output:decoder"], ["output:encoder", "input:decoder"])


@pytest.mark.parametrize("manual", [True, False])
@pytest.mark.parametrize(
    ("host_class", "captures", "size"), [(VAE, ("batch:0", "input:decoder"), 3), (TwoJoints, BOTH, 2)]
)
def test_a_code_that_only_the_decoder_shows_and_two_joints_in_one_batch(tmp_path, manual, host_class, captures, size):
    plain = fit_vectors(tmp_path, host_class, manual)
    reference = fit_vectors(tmp_path, host_class, manual, Term(MINE(small_mlp, (4,), (size,)), 0.5, "maximize"))
    host = fit_vectors(tmp_path, host_class, manual, callback=on_vectors(*captures))
    for part in ("encoder", "decoder"):
        effect = difference(getattr(plain, part), getattr(reference, part))
        assert effect > 1e-4
        assert difference(getattr(host, part), getattr(reference, part)) <= 1e-3 * effect


@pytest.mark.parametrize("manual", [True, False])
def test_two_joints_resume_bitwise(tmp_path, manual):
    def fit(epochs, path=None):
        torch.manual_seed(0)
        host, callback = TwoJoints(manual), on_vectors(*BOTH)
        run = trainer(tmp_path, callback, max_epochs=epochs)
        run.fit(host, DataLoader(VECTORS, 16), ckpt_path=path)
        run.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return host, callback.mine

    whole = fit(2)
    fit(1)
    resumed = fit(2, tmp_path / "1.ckpt")
    for one, other in zip(whole, resumed, strict=True):
        assert difference(one, other) == 0


@pytest.mark.parametrize("captures", [BOTH, ("output:decoder", "output:encoder")])
def test_a_graph_that_an_earlier_backward_has_freed_is_told_and_may_be_kept(tmp_path, captures):
    class OneAfterTheOther(TwoJoints):
        keeps = False

        def training_step(self, batch, batch_idx):
            optimizer = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(self.encoder(batch[0]).tanh().square().mean(), retain_graph=self.keeps)
            self.manual_backward(self.decoder(torch.ones(len(batch[0]), 2)).tanh().square().mean())
            optimizer.step()

    class Kept(OneAfterTheOther):
        keeps = True

    callback = on_vectors(*captures)
    with pytest.raises(InputError, match="an earlier one has freed a part of it; add the two losses"):
        fit_vectors(tmp_path, OneAfterTheOther, True, callback=callback)
    effect = difference(
        fit_vectors(tmp_path, Kept, True), fit_vectors(tmp_path, Kept, True, callback=on_vectors(*captures))
    )
    assert effect > 1e-6
