"""What the callback costs a row of the information-bottleneck table: ``python benchmarks/ib_step.py``.

The host of ``ib_mnist_mine_*.yaml``, with its recipe, as: the host alone; with MINERegularizer; with the min-max step
written into its training step by someone who spares what is not needed. Rounds of steps of all variants alternate in
one process; the median step of each counts.
Promised: at most 1.10 times the host by hand. Two clocks: wall time, and the process's own CPU time, which other
programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from callback_overhead import Batches, Clock, TermByHand, fit, measure
from torch import Tensor, nn

from mine_lightning import Classifier, Derangements, MINERegularizer, MLPStatistics, NoisyCopyStatistics
from mine_lightning.bounds import DonskerVaradhan
from mine_lightning.networks import AdditiveEncoder, LinearDecoder, NormalEncoder, PropagatedEncoder
from mine_lightning.runs.machine import hardware
from mine_lightning.types import Code

adam = partial(torch.optim.Adam, lr=3e-4, betas=(0.5, 0.999), fused=True)
statistics = partial(MLPStatistics, hidden=(512, 512), input_noise=0.3, hidden_noise=0.5)


class CopyTermByHand(TermByHand):
    """The term over z and its mean: eight partners a sample, and no moving average, since T is small."""

    def scores(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        index = Derangements(8)(len(x), torch.default_generator)
        scores = self.network(torch.cat([x, x.repeat_interleave(8, 0)]), torch.cat([z, z[index.flatten()]]))
        return scores[: len(x)], scores[len(x) :]

    def ascend(self, x: Tensor, z: Tensor) -> Tensor:
        with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
            joint, marginal = self.scores(x.detach().float(), z.detach().float())
            value = joint.mean() - torch.logsumexp(marginal, 0) + math.log(len(marginal))
            self.optimizer.zero_grad()
            (-value).backward()
            self.optimizer.step()
        return value.detach()


@dataclass(frozen=True)
class Row:
    """A row of the table: its encoder, what T sees beside z, the callback and the term by hand."""

    encoder: Callable[[], nn.Module]
    x: Callable[[Tensor, Code], Tensor]
    callback: Callable[[], MINERegularizer]
    by_hand: Callable[[], TermByHand]


def pixels_callback() -> MINERegularizer:
    return MINERegularizer("batch:0", "input:decoder", "minimize", 1e-3, statistics_network=statistics, optimizer=adam)


def pixels_by_hand() -> TermByHand:
    term = TermByHand(statistics((784,), (256,)), 1e-3)
    term.optimizer = adam(term.network.parameters())
    return term


def copy_callback() -> MINERegularizer:
    return MINERegularizer(
        *("output:encoder[1]", "input:decoder", "minimize", 1e-2),
        statistics_network=NoisyCopyStatistics,
        bound=DonskerVaradhan(rate=1),
        pairing=Derangements(8),
        optimizer=partial(adam, lr=1e-2),
    )


def copy_by_hand() -> TermByHand:
    term = CopyTermByHand(NoisyCopyStatistics((256,), (256,)), 1e-2)
    term.optimizer = adam(term.network.parameters(), lr=1e-2)
    return term


ROWS = {
    "gaussian": Row(partial(NormalEncoder, shift=0.0), lambda x, code: code.mean, copy_callback, copy_by_hand),
    "propagated": Row(PropagatedEncoder, lambda x, code: x, pixels_callback, pixels_by_hand),
    "additive": Row(AdditiveEncoder, lambda x, code: x, pixels_callback, pixels_by_hand),
}


def host(row: Row, cls: type[Classifier] = Classifier) -> Classifier:
    return cls(row.encoder(), LinearDecoder(), optimizer=adam, weight_averaging=0.999)


class ByHand(Classifier):
    """The classifier with the term in its loss, and T's ascent after its step."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, labels = batch
        row, term = self.held
        code = self.encoder(x)
        loss = nn.functional.cross_entropy(self.decoder(code.z).float(), labels)
        self.log("train/loss", loss.detach())
        self.last = row.x(x, code), code.z
        term.network.requires_grad_(False)  # no gradient of T's weights is needed here
        value = term.value(*self.last)
        term.network.requires_grad_(True)
        return loss + value

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.log("mine/mi", self.held[1].ascend(*self.last))


def by_hand(row: Row) -> Classifier:
    found = host(row, ByHand)
    found.held = (row, row.by_hand())  # in a tuple: no submodule of the host
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--steps", type=int, default=60)
    arguments.add_argument("--encoders", nargs="+", choices=list(ROWS), default=list(ROWS))
    arguments.add_argument("--precisions", nargs="+", default=["bf16-mixed", "32-true"])
    arguments.add_argument("--cpu", action="store_true", help="CPU time in place of wall time")
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(0)
    print(f"{hardware()}, torch {torch.__version__}, {options.rounds} rounds, {'CPU' if options.cpu else 'wall'} time")
    x, labels = torch.rand(options.steps, 100, 784) * 2 - 1, torch.randint(10, (options.steps, 100))
    batches = Batches(zip(x.unbind(), labels.unbind(), strict=True))
    for name in options.encoders:
        row = ROWS[name]
        for precision in options.precisions:
            medians = measure(
                f"ib_mnist_mine_{name}, batch 100, {precision}",
                {
                    "host alone": lambda b, clock, r=row, p=precision: fit(host(r), b, p, clock),
                    "MINERegularizer": lambda b, clock, r=row, p=precision: fit(host(r), b, p, clock, r.callback()),
                    "by hand": lambda b, clock, r=row, p=precision: fit(by_hand(r), b, p, clock),
                },
                batches,
                options.rounds,
                partial(Clock, time.process_time if options.cpu else time.perf_counter),
            )
            print(f"  the term costs {medians['MINERegularizer'] / medians['host alone']:.2f} times the host alone")


if __name__ == "__main__":
    main()
