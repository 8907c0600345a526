"""Nothing grows while it trains, and nothing is left when it is done or taken off."""

import gc
import resource
import weakref
from functools import partial

import pytest
import torch
from by_hand import Classifier
from cases import hooks_of, sgd, small_mlp, trainer
from pytorch_lightning import Callback
from torch.utils.data import DataLoader, TensorDataset

from mine_lightning.regularizer.callback import MINERegularizer

stream = torch.Generator().manual_seed(1)
DATA = TensorDataset(torch.randn(320, 4, generator=stream), torch.randint(2, (320,), generator=stream))


def regularizer(**arguments):
    defaults = {"statistics_network": small_mlp, "optimizer": sgd, "adaptive_clip": False}
    return MINERegularizer("batch:0", "output:encoder", "maximize", **{**defaults, **arguments})


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("fails_at", [None, 2])
def test_no_hook_and_no_graph_is_left(tmp_path, fails_at, adaptive):
    class Weak(Classifier):
        def training_step(self, batch, batch_idx):
            if batch_idx == fails_at:
                raise RuntimeError("boom")
            loss = super().training_step(batch, batch_idx)
            references.extend([weakref.ref(loss), *(weakref.ref(z) for z in seen)])
            seen.clear()
            return loss

    references, seen = [], []
    host = Weak()
    own = host.encoder.register_forward_hook(lambda module, arguments, output: seen.append(output))
    callback = regularizer(adaptive_clip=adaptive)
    run = trainer(tmp_path, callback, max_epochs=1)
    if fails_at is None:
        run.fit(host, DataLoader(DATA, 16))
    else:
        with pytest.raises(RuntimeError, match="boom"):
            run.fit(host, DataLoader(DATA, 16))
    own.remove()
    assert hooks_of(host) == []
    gc.collect()
    assert len(references) > 3
    assert [reference() for reference in references if reference() is not None] == []


def test_taken_off_it_trains_no_longer_and_the_host_is_a_plain_one(tmp_path):
    callback, host = regularizer(), Classifier()
    run = trainer(tmp_path, callback)
    run.fit(host, DataLoader(DATA, 16))
    updates = callback.mine.updates
    trainer(tmp_path).fit(host, DataLoader(DATA, 16))
    assert callback.mine.updates == updates
    gone = weakref.ref(callback)
    del callback, run
    host.trainer = None
    gc.collect()
    assert gone() is None


class Count(Callback):
    """Counts the live tensors, or reads the peak of memory in KiB, at given batches."""

    def __init__(self, at, read):
        self.at, self.read, self.found = at, read, []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step in self.at:
            gc.collect()
            self.found.append(self.read())


def live_tensors():
    return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())


@pytest.mark.parametrize("adaptive", [True, False])
def test_the_number_of_tensors_stays(tmp_path, adaptive):
    count = Count({110, 250}, live_tensors)  # the norms are logged first at step 50
    trainer(tmp_path, regularizer(adaptive_clip=adaptive), count, max_epochs=13).fit(Classifier(), DataLoader(DATA, 16))
    early, late = count.found
    assert late == early


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*moving average", "ignore:.*the most that")  # 320 pairs, learnt by heart
def test_memory_stays_over_20_000_steps(tmp_path):
    count = Count({2_000, 20_000}, lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    callback = regularizer(adaptive_clip=True, optimizer=partial(torch.optim.Adam, lr=2e-4))
    trainer(tmp_path, callback, count, max_epochs=1_000).fit(Classifier(), DataLoader(DATA, 16))
    early, late = count.found
    assert late - early < 4_096  # KiB
