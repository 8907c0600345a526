"""On a GPU: half precision with its real loss scaler, against the term by hand. ``pytest -m gpu`` runs it."""

import pytest
import torch
from by_hand import Classifier, Term
from cases import difference, sgd, small_mlp, trainer
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.estimator import MINE
from mine_lightning.regularizer.callback import MINERegularizer

pytestmark = pytest.mark.gpu
stream = torch.Generator().manual_seed(2)
DATA = TensorDataset(torch.randn(128, 4, generator=stream), torch.randint(2, (128,), generator=stream))


@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
def test_classifier_equals_the_term_by_hand(tmp_path, precision):
    def fit(term=None, *callbacks):
        torch.manual_seed(0)
        host = Classifier(term)
        arguments = {"accelerator": "gpu", "precision": precision, "log_every_n_steps": 10_000}
        trainer(tmp_path, *callbacks, **arguments).fit(host, DataLoader(DATA, 16))
        return host.cpu()

    term = Term(MINE(small_mlp, (4,), (3,)).cuda(), 0.5, "maximize")
    callback = MINERegularizer(
        "batch:0", "output:encoder", "maximize", 0.5, False, statistics_network=small_mlp, optimizer=sgd
    )
    plain, reference = fit(), fit(term)
    assert difference(fit(None, callback), reference) <= 1e-3 * difference(plain, reference)
