"""Any bound, any statistics network and any pairing serve the callback."""

import pytest
import torch
from cases import BOUNDS, Plain, trainer, weights
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.bounds import InfoNCE
from mine_lightning.networks import MLPStatistics, SeparableStatistics
from mine_lightning.pairing import AllOthers, Derangements
from mine_lightning.regularizer.callback import MINERegularizer

PAIRS = TensorDataset(
    torch.randn(96, 4, generator=torch.Generator().manual_seed(0)),
    torch.randint(2, (96,), generator=torch.Generator().manual_seed(1)),
)


def fit(tmp_path, beta, **arguments):
    torch.manual_seed(0)
    host = Plain(dropout=0.0)
    term = MINERegularizer(x="batch:0", z="output:encoder", direction="maximize", beta=beta, **arguments)
    run = trainer(tmp_path, term)
    run.fit(host, DataLoader(PAIRS, 16))
    return weights(host), run.callback_metrics["mine/mi"]


@pytest.mark.parametrize("make", BOUNDS)
@pytest.mark.parametrize(
    ("network", "pairing"),
    [(MLPStatistics, Derangements(2)), (SeparableStatistics, AllOthers())],
    ids=["concatenated", "separable"],
)
def test_every_bound_moves_the_host_with_every_network(tmp_path, make, network, pairing):
    arguments = {"statistics_network": network, "pairing": pairing}
    moved, value = fit(tmp_path, 1.0, bound=make(), **arguments)
    watched, _ = fit(tmp_path, 0.0, bound=make(), **arguments)
    assert value.isfinite()
    assert moved.isfinite().all()
    assert (moved - watched).abs().max() > 1e-5


def test_info_nce_stays_below_the_log_of_the_batch(tmp_path):
    _, value = fit(tmp_path, 1.0, bound=InfoNCE(), statistics_network=SeparableStatistics, pairing=AllOthers())
    assert value < torch.tensor(16.0).log()
