"""Every GAN for some steps in two processes: a program of its own, for a fork is safe only before torch has threads.

``python two_processes.py FOLDER`` leaves ``FOLDER/HOST-rankN.pt`` with the parameters, or ``HOST.error``.
"""

import sys
import traceback
import warnings
from datetime import timedelta
from pathlib import Path

import gans
import torch
from cases import conv, trainer
from pytorch_lightning.strategies import DDPStrategy
from torch.utils.data import DataLoader

from mine_lightning.regularizer.callback import MINERegularizer


def run(folder, name):
    host = gans.gan(name)
    strategy = DDPStrategy(start_method="fork", find_unused_parameters=True, timeout=timedelta(seconds=60))
    term = MINERegularizer("output:generator", "input:generator[:, :2]", "maximize", statistics_network=conv)
    fit = trainer(folder, term, strategy=strategy, devices=2, limit_train_batches=2)
    host.on_fit_end = lambda: torch.save(
        dict(host.named_parameters()), folder / f"{name}-rank{host.trainer.global_rank}.pt"
    )
    fit.fit(host, DataLoader(gans.IMAGES, 16))


def main():
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")
    for name in gans.GANS:
        try:
            run(folder, name)
        except BaseException:
            (folder / f"{name}.error").write_text(traceback.format_exc())


if __name__ == "__main__":
    main()
