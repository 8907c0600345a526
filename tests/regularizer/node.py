"""One of two nodes under torchrun: ``node.py FOLDER whole|first|resumed...``: two epochs, one, or the second of two."""

import faulthandler
import sys
import warnings
from pathlib import Path

import torch
from by_hand import Classifier
from cases import trainer
from processes import PAIRS, Halves, Keep, regularizer

from mine_lightning.runs.random_streams import SeedEachEpoch


def fit(folder, what):
    torch.manual_seed(0 if what != "resumed" else 99)  # as a new process, from another random state
    callback = regularizer(optimizer=torch.optim.Adam)
    run = trainer(
        folder,
        SeedEachEpoch(0),
        callback,
        Keep(folder, what, callback),
        max_epochs=1 if what == "first" else 2,
        strategy="ddp",
        devices=1,
        num_nodes=2,
        use_distributed_sampler=False,
    )
    assert run.world_size == 2
    checkpoint = folder / "first.ckpt"
    run.fit(Classifier(dropout=0.5), Halves(PAIRS), ckpt_path=checkpoint if what == "resumed" else None)
    if what == "first":
        run.save_checkpoint(checkpoint)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(90, exit=True)  # a process that waits for the other tells where
    warnings.simplefilter("ignore")
    for what in sys.argv[2:]:
        fit(Path(sys.argv[1]), what)
