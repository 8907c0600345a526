"""Training in two processes: a program of its own, for a fork is safe only before torch has started its threads.

``python processes.py FOLDER [gpu]`` runs every case, over gloo on the CPU or NCCL on two GPUs, and leaves
``FOLDER/CASE-rankN.pt``, or ``CASE.error`` with a traceback.
"""

import sys
import traceback
import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch
from by_hand import Classifier, StyledGAN
from cases import conv, sgd, small_mlp, trainer
from pytorch_lightning import Callback, LightningDataModule
from pytorch_lightning.strategies import DDPStrategy
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from mine_lightning.regularizer.callback import MINERegularizer

stream = torch.Generator().manual_seed(2)
PAIRS = TensorDataset(torch.randn(128, 4, generator=stream), torch.randint(2, (128,), generator=stream))
IMAGES = torch.rand(96, 3, 8, 8, generator=stream) * 2 - 1
BATCH = 16  # of both processes together


class Halves(LightningDataModule):
    """Every process reads its own every second sample, in order.

    Args:
        data: of both.
        keep: callable from (rank, number of its samples) to how many of them it reads.
    """

    def __init__(self, data, keep=lambda rank, n: n):
        super().__init__()
        self.data, self.keep = data, keep

    def train_dataloader(self):
        rank, world = self.trainer.global_rank, self.trainer.world_size
        own = range(rank, len(self.data), world)
        return DataLoader(Subset(self.data, own[: self.keep(rank, len(own))]), BATCH // world)

    val_dataloader = train_dataloader


class Keep(Callback):
    """Leaves each process's weights and what it logged."""

    def __init__(self, folder, case, term):
        self.folder, self.case, self.term = folder, case, term

    def on_fit_end(self, trainer, pl_module):
        mine = self.term.mine
        torch.save(
            {
                "host": pl_module.state_dict(),
                "mine": mine.statistics_network.state_dict(),
                "log_average": getattr(mine.bound, "log_average", None),
                "updates": mine.updates,
                "logged": {key: value.item() for key, value in trainer.callback_metrics.items()},
            },
            self.folder / f"{self.case}-rank{trainer.global_rank}.pt",
        )


def regularizer(z="output:encoder", **arguments):
    defaults = {"statistics_network": small_mlp, "optimizer": sgd, "beta": 0.5, "adaptive_clip": False}
    return MINERegularizer("batch:0", z, "maximize", **{**defaults, **arguments})


def gan_term(**arguments):
    captures = ("output:generator", "input:generator[:, :2]", "maximize")
    return MINERegularizer(*captures, statistics_network=conv, optimizer=sgd, **arguments)


class Validated(Classifier):
    def validation_step(self, batch, batch_idx):
        self.encoder(batch[0])


class Chance(Classifier):
    """The second process leaves the encoder's middle out of its first batches, the first process never does."""

    def __init__(self):
        super().__init__()
        self.encoder = Skipping()


class Aside(Classifier):
    """A head on the detached code, which the term alone reaches: the host's loss does not use it."""

    def __init__(self):
        super().__init__()
        self.aside = nn.Linear(3, 2, bias=False)

    def training_step(self, batch, batch_idx):
        z = self.encoder(batch[0])
        self.aside(z.detach())
        return nn.functional.cross_entropy(self.head(z), batch[1])


class Skipping(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.middle, self.last, self.calls = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3), 0

    def forward(self, x):
        self.calls += 1
        h = self.first(x).tanh()
        skip = torch.distributed.get_rank() == 1 and self.calls < 4
        return self.last(h if skip else self.middle(h).tanh())


def one_left_over(rank, n):
    """The second process's last batch has one sample, of which no marginal pair can be made."""
    return n if rank == 0 else n - 7


CASES = {
    "joined": (Classifier, regularizer, {"log_every_n_steps": 1000}),
    "apart": (Classifier, regularizer, {"log_every_n_steps": 1}),
    "accumulated": (Classifier, regularizer, {"accumulate_grad_batches": 2, "gradient_clip_val": 0.3}),
    "accumulated_apart": (
        Classifier,
        regularizer,
        {"accumulate_grad_batches": 2, "gradient_clip_val": 0.3, "log_every_n_steps": 1},
    ),
    "adaptive": (Classifier, partial(regularizer, beta=50.0, adaptive_clip=True), {}),
    "adaptive_accumulated": (
        Classifier,
        partial(regularizer, beta=50.0, adaptive_clip=True),
        {"accumulate_grad_batches": 2},
    ),
    "find_unused": (Classifier, regularizer, {"ddp": {"find_unused_parameters": True}}),
    "static_graph": (Classifier, regularizer, {"ddp": {"static_graph": True}}),
    "static_graph_apart": (Classifier, regularizer, {"ddp": {"static_graph": True}, "log_every_n_steps": 2}),
    "bucket_view": (Classifier, regularizer, {"ddp": {"gradient_as_bucket_view": True}, "log_every_n_steps": 2}),
    "bf16": (Classifier, regularizer, {"precision": "bf16-mixed", "log_every_n_steps": 1000}),
    **{
        f"gan_{style}{'_adaptive' * adaptive}": (
            partial(StyledGAN, style),
            partial(gan_term, adaptive_clip=adaptive, beta=300.0 if adaptive else 1.0),
            {"data": IMAGES, "ddp": {"find_unused_parameters": True}},
        )
        for style in ("toggled", "two_forwards", "shared")
        for adaptive in (False, True)
    },
    "aside": (Aside, partial(regularizer, z="output:aside"), {"ddp": {"find_unused_parameters": True}}),
    "validated": (Validated, regularizer, {"max_epochs": 2}),
    "uneven": (Classifier, regularizer, {"keep": one_left_over}),
    "chance": (Chance, regularizer, {"ddp": {"find_unused_parameters": True}, "log_every_n_steps": 1}),
}


def run(folder, case, accelerator):
    host, term, arguments = CASES[case]
    arguments = dict(arguments)
    data = Halves(arguments.pop("data", PAIRS), **({"keep": arguments.pop("keep")} if "keep" in arguments else {}))
    strategy = DDPStrategy(start_method="fork", timeout=timedelta(seconds=60), **arguments.pop("ddp", {}))
    torch.manual_seed(0)
    module, callback = host(), term()
    trainer(
        folder,
        callback,
        Keep(folder, case, callback),
        strategy=strategy,
        accelerator=accelerator,
        devices=2,
        use_distributed_sampler=False,
        **arguments,
    ).fit(module, data)


def main():
    folder, accelerator = Path(sys.argv[1]), "gpu" if "gpu" in sys.argv[2:] else "cpu"
    warnings.simplefilter("ignore")
    for case in CASES:
        try:
            run(folder, case, accelerator)
        except BaseException:
            (folder / f"{case}.error").write_text(traceback.format_exc())


if __name__ == "__main__":
    main()
