"""An evaluation's three methods are called in validation and in the test, each with its prefix."""

import torch
from pytorch_lightning import LightningModule, Trainer

from mine_lightning.evaluations.evaluation import Evaluation


class Told(Evaluation):
    def __init__(self):
        self.calls = []

    def begin(self, host, prefix):
        self.calls.append(("begin", prefix))

    def take(self, host, outputs, batch, prefix):
        self.calls.append((outputs["sum"], batch.sum().item(), prefix))

    def end(self, host, prefix):
        self.calls.append(("end", prefix))


class Host(LightningModule):
    def validation_step(self, batch, batch_idx):
        return {"sum": batch.sum().item()}

    test_step = validation_step


def test_the_order_and_what_is_handed_on():
    loader = torch.utils.data.DataLoader(torch.arange(4.0), batch_size=2)
    for name, prefix in (("validate", "val/"), ("test", "test/")):
        told = Told()
        trainer = Trainer(
            accelerator="cpu", callbacks=[told], logger=False, enable_progress_bar=False, enable_checkpointing=False
        )
        getattr(trainer, name)(Host(), loader, verbose=False)
        assert told.calls == [("begin", prefix), (1.0, 1.0, prefix), (5.0, 5.0, prefix), ("end", prefix)]
