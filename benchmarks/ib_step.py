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
import time
import warnings
from functools import partial
from typing import Any

import torch
from callback_overhead import Batches, Clock, TermByHand, fit, measure
from torch import Tensor, nn

from mine_lightning import Classifier, MINERegularizer, MLPStatistics
from mine_lightning.networks import AdditiveEncoder, LinearDecoder, NormalEncoder, PropagatedEncoder
from mine_lightning.runs.machine import hardware

ENCODERS = {"gaussian": NormalEncoder, "propagated": PropagatedEncoder, "additive": AdditiveEncoder}
adam = partial(torch.optim.Adam, lr=3e-4, betas=(0.5, 0.999), fused=True)
statistics = partial(MLPStatistics, hidden=(512, 512), input_noise=0.3, hidden_noise=0.5)


def host(encoder: type[nn.Module], cls: type[Classifier] = Classifier) -> Classifier:
    return cls(encoder(), LinearDecoder(), optimizer=adam, weight_averaging=0.999)


def callback() -> MINERegularizer:
    return MINERegularizer("batch:0", "input:decoder", "minimize", 1e-3, statistics_network=statistics, optimizer=adam)


class ByHand(Classifier):
    """The classifier with the term in its loss, and T's ascent after its step."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, labels = batch
        z = self.encoder(x).z
        loss = nn.functional.cross_entropy(self.decoder(z).float(), labels)
        self.log("train/loss", loss.detach())
        self.last, term = (x, z), self.held[0]
        term.network.requires_grad_(False)  # no gradient of T's weights is needed here
        value = term.value(x, z)
        term.network.requires_grad_(True)
        return loss + value

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.log("mine/mi", self.held[0].ascend(*self.last))


def by_hand(encoder: type[nn.Module]) -> Classifier:
    term = TermByHand(statistics((784,), (256,)), 1e-3)
    term.optimizer = adam(term.network.parameters())
    found = host(encoder, ByHand)
    found.held = (term,)  # in a tuple: no submodule of the host
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--steps", type=int, default=60)
    arguments.add_argument("--encoders", nargs="+", choices=list(ENCODERS), default=list(ENCODERS))
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
        encoder = ENCODERS[name]
        for precision in options.precisions:
            medians = measure(
                f"ib_mnist_mine_{name}, batch 100, {precision}",
                {
                    "host alone": lambda b, clock, e=encoder, p=precision: fit(host(e), b, p, clock),
                    "MINERegularizer": lambda b, clock, e=encoder, p=precision: fit(host(e), b, p, clock, callback()),
                    "by hand": lambda b, clock, e=encoder, p=precision: fit(by_hand(e), b, p, clock),
                },
                batches,
                options.rounds,
                partial(Clock, time.process_time if options.cpu else time.perf_counter),
            )
            print(f"  the term costs {medians['MINERegularizer'] / medians['host alone']:.2f} times the host alone")


if __name__ == "__main__":
    main()
