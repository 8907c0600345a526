"""What the callback costs beside the same mathematics written into the host by hand: ``callback_overhead.py``.

Three systems, each as: the host alone; with MINERegularizer; with the term and T's update written into its own training
step; and a raw PyTorch loop without Lightning. Rounds of steps of all variants alternate in one process; the median
step of each counts. Promised: at most 1.05 times the host by hand for the GAN of ``gan_stacked_mnist.yaml``, at most
1.15 for the small network, where the framework itself shows. FLOPs are counted, not estimated: those of one step.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mine_lightning import DCGAN, ConvStatistics, MINERegularizer, MLPStatistics
from mine_lightning.hosts.adversarial import ZeroCentredPenalty, discriminator_loss, generator_loss
from mine_lightning.networks import ConvDiscriminator, ConvGenerator
from mine_lightning.networks.latents import CodeAndNoise
from mine_lightning.runs.machine import hardware

adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))


class TermByHand:
    """What a researcher writes: T in float32, one rolled permutation, Donsker-Varadhan with a moving average."""

    def __init__(self, network: nn.Module, weight: float):
        self.network, self.weight = network, weight
        self.optimizer = adam(network.parameters())
        self.average: Tensor | None = None

    def scores(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(x), device=x.device)
        partner = torch.empty_like(order)
        partner[order] = order.roll(1)
        scores = self.network(torch.cat([x, x]), torch.cat([z, z[partner]]))
        return scores[: len(x)], scores[len(x) :]

    def value(self, x: Tensor, z: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            joint, marginal = self.scores(x.float(), z.float())
            value = joint.mean() - torch.logsumexp(marginal, 0) + math.log(len(marginal))
            return self.weight * (value.clamp(min=0) if self.weight > 0 else value)

    def gradient(self, x: Tensor, z: Tensor, parameters: list[nn.Parameter]) -> tuple[Tensor, ...]:
        # through T on a detached leaf first, so that no gradient of T's weights is computed
        leaves = [tensor.detach().float().requires_grad_(tensor.requires_grad) for tensor in (x, z)]
        through = [tensor for tensor in (x, z) if tensor.requires_grad]
        slopes = torch.autograd.grad(self.value(*leaves), [leaf for leaf in leaves if leaf.requires_grad])
        seeds = [slope.to(tensor.dtype) for slope, tensor in zip(slopes, through, strict=True)]
        return torch.autograd.grad(through, parameters, seeds, retain_graph=True)

    @staticmethod
    def merge(parameters: list[nn.Parameter], g_m: tuple[Tensor, ...]) -> None:
        norm_u = torch.stack([p.grad.norm() for p in parameters if p.grad is not None]).norm()
        norm_m = torch.stack([g.norm() for g in g_m]).norm()
        factor = (norm_u / norm_m).clamp(max=1)
        for parameter, g in zip(parameters, g_m, strict=True):
            assert parameter.grad is not None
            parameter.grad.add_(factor * g)

    def ascend(self, x: Tensor, z: Tensor) -> Tensor:
        with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
            joint, marginal = self.scores(x.detach().float(), z.detach().float())
            mean = marginal.exp().mean()
            moved = mean.detach() if self.average is None else 0.99 * self.average + 0.01 * mean.detach()
            self.average = moved
            self.optimizer.zero_grad()
            (mean / moved - joint.mean()).backward()
        self.optimizer.step()
        return (joint.mean() - mean.log()).detach()


# --- the GAN of gan_stacked_mnist.yaml


def gan(cls: Callable[..., DCGAN] = DCGAN) -> DCGAN:
    parts = ConvGenerator(110, width=32), ConvDiscriminator(width=32), CodeAndNoise(10, 100)
    return cls(*parts, adam, adam, ZeroCentredPenalty(1.0, every=4))


def gan_network() -> nn.Module:
    return ConvStatistics((3, 28, 28), (10,), input_noise=1.0)


def gan_callback() -> MINERegularizer:
    return MINERegularizer(
        "output:generator",
        "input:generator[:, :10]",
        "maximize",
        statistics_network=partial(ConvStatistics, input_noise=1.0),
        optimizer=adam,
    )


class GANByHand(DCGAN):
    """The training step of DCGAN with the term written into it."""

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        term, (optimizer_g, optimizer_d) = self.held[0], self.optimizers()
        latents = self.latents(len(batch), self.device)
        fake = self.generator(latents)
        loss_d = discriminator_loss(self.discriminator(batch), self.discriminator(fake.detach()))
        if self.penalty.due(batch_idx):
            loss_d = loss_d + self.penalty(self.discriminator, batch)
        optimizer_d.zero_grad()
        self.manual_backward(loss_d)
        optimizer_d.step()

        self.toggle_optimizer(optimizer_g)
        loss_g = generator_loss(self.discriminator(fake))
        parameters = list(self.generator.parameters())
        optimizer_g.zero_grad()
        g_m = term.gradient(fake, latents[:, :10], parameters)
        self.manual_backward(loss_g)
        term.merge(parameters, g_m)
        optimizer_g.step()
        self.untoggle_optimizer(optimizer_g)
        mi = term.ascend(fake, latents[:, :10])
        self.log_dict({"train/loss_d": loss_d.detach(), "train/loss_g": loss_g.detach(), "mine/mi": mi})


def gan_by_hand() -> DCGAN:
    host = gan(GANByHand)
    host.held = (TermByHand(gan_network(), -1.0),)  # in a tuple: no submodule of the host
    return host


def gan_loop(batches: Iterable[Tensor], precision: torch.dtype | None, clock: Clock) -> None:
    host, term = gan(), TermByHand(gan_network(), -1.0)
    optimizer_g, optimizer_d = adam(host.generator.parameters()), adam(host.discriminator.parameters())
    parameters = list(host.generator.parameters())
    for number, batch in enumerate(batches):
        clock.tick()
        with torch.autocast("cpu", precision or torch.bfloat16, precision is not None, cache_enabled=False):
            latents = host.latents(len(batch), batch.device)
            fake = host.generator(latents)
            loss_d = discriminator_loss(host.discriminator(batch), host.discriminator(fake.detach()))
            if host.penalty.due(number):
                loss_d = loss_d + host.penalty(host.discriminator, batch)
            optimizer_d.zero_grad()
            loss_d.backward()
            optimizer_d.step()
            host.discriminator.requires_grad_(False)
            loss_g = generator_loss(host.discriminator(fake))
            optimizer_g.zero_grad()
            g_m = term.gradient(fake, latents[:, :10], parameters)
            loss_g.backward()
            term.merge(parameters, g_m)
            optimizer_g.step()
            host.discriminator.requires_grad_(True)
            term.ascend(fake, latents[:, :10])


# --- a small classifier, its term joined with the loss, or apart from it and clipped


class Small(LightningModule):
    """784-256-32-10 under automatic optimisation."""

    def __init__(self, term: TermByHand | None = None, apart: bool = False):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 32))
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(32, 10))
        self.term, self.apart = term, apart

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        z = self.encoder(x)
        loss = nn.functional.cross_entropy(self.head(z), y)
        self.log("train/loss", loss.detach())
        if self.term is None:
            return loss
        self.last = (x, z)
        if not self.apart:
            return loss + self.term.value(x, z)
        self.g_m = self.term.gradient(x, z, list(self.encoder.parameters()))
        return loss

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        if self.term is not None and self.apart:
            self.term.merge(list(self.encoder.parameters()), self.g_m)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.term is not None:
            self.log("mine/mi", self.term.ascend(*self.last))

    def configure_optimizers(self) -> Any:
        return adam(self.parameters())


def small_network() -> nn.Module:
    return MLPStatistics((784,), (32,))


def small_by_hand(apart: bool) -> Small:
    return Small(TermByHand(small_network(), 1e-3), apart)


def small_callback(apart: bool) -> MINERegularizer:
    return MINERegularizer("batch:0", "output:encoder", "minimize", 1e-3, apart, optimizer=adam)


def small_loop(batches: Iterable[Any], precision: torch.dtype | None, clock: Clock, apart: bool) -> None:
    host, term = Small(), TermByHand(small_network(), 1e-3)
    optimizer, parameters = adam(host.parameters()), list(host.encoder.parameters())
    for x, y in batches:
        clock.tick()
        z = host.encoder(x)
        loss = nn.functional.cross_entropy(host.head(z), y)
        g_m = term.gradient(x, z, parameters) if apart else ()
        optimizer.zero_grad()
        (loss if apart else loss + term.value(x, z)).backward()
        if apart:
            term.merge(parameters, g_m)
        optimizer.step()
        term.ascend(x, z)


# --- timing


class Batches(list):
    """Batches ready in memory: a plain list Lightning takes for several loaders."""


class Clock(Callback):
    """Seconds from one batch's start to the next one's, after a few to warm up."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self.times: list[float] = []
        self._last: float | None = None
        self._skipped = 0

    def tick(self) -> None:
        now = self.now()
        if self._last is not None:
            self._skipped += 1
            if self._skipped > 3:
                self.times.append(now - self._last)
        self._last = now

    def restart(self) -> Clock:
        self._last, self._skipped = None, 0
        return self

    def on_train_batch_start(self, *arguments: Any) -> None:
        self.tick()


def fit(host: LightningModule, batches: list[Any], precision: str, clock: Clock, *callbacks: Callback) -> None:
    Trainer(
        max_epochs=1,
        accelerator="cpu",
        precision=precision,  # type: ignore[arg-type]
        callbacks=[clock.restart(), *callbacks],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(host, batches)


class Whole(contextlib.nullcontext):
    """In place of torch's tracker of modules, which does not bear autograd.grad: all operations are the program's."""

    parents = ("Global",)


def flops(host: LightningModule, batches: list[Any], *callbacks: Callback) -> int:
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Whole()  # type: ignore[assignment]
    with counter:
        fit(host, Batches(batches[:4]), "32-true", Clock(), *callbacks)
    return counter.get_total_flops()


def measure(
    title: str,
    variants: dict[str, Callable[[list[Any], Clock], None]],
    batches: list[Any],
    rounds: int,
    clock: Callable[[], Clock] | None = None,
) -> dict[str, float]:
    clocks = {name: (clock or Clock)() for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            run(batches, clocks[name])
    medians = {name: statistics.median(clock.times) * 1e3 for name, clock in clocks.items()}
    print(f"\n{title}")
    for name, median in medians.items():
        ratio = median / medians["by hand"]
        deciles = statistics.quantiles(clocks[name].times, n=10)
        spread = f"{deciles[0] * 1e3:.2f} to {deciles[-1] * 1e3:.2f}"
        print(f"  {name:<22} {median:8.2f} ms a step (8 of 10: {spread}), {ratio:5.2f} of by hand")
    return medians


def run_gan(steps: int, rounds: int) -> None:
    batches = Batches((torch.rand(steps, 128, 3, 28, 28) * 2 - 1).unbind())
    for precision, dtype in (("bf16-mixed", torch.bfloat16), ("32-true", None)):
        medians = measure(
            f"the GAN of gan_stacked_mnist.yaml, batch 128, {precision}, clipped",
            {
                "host alone": lambda b, clock, p=precision: fit(gan(), b, p, clock),
                "MINERegularizer": lambda b, clock, p=precision: fit(gan(), b, p, clock, gan_callback()),
                "by hand": lambda b, clock, p=precision: fit(gan_by_hand(), b, p, clock),
                "raw PyTorch": lambda b, clock, d=dtype: gan_loop(b, d, clock.restart()),
            },
            batches,
            rounds,
        )
        print(f"  the term costs {medians['MINERegularizer'] / medians['host alone']:.2f} times the host alone", end="")
        if precision == "32-true":
            need = flops(gan(), batches, gan_callback()) / flops(gan(), batches)
            print(f", in floating-point operations {need:.2f} times", end="")
        print()


def run_small(steps: int, rounds: int) -> None:
    x, y = torch.rand(steps, 100, 784), torch.randint(10, (steps, 100))
    batches = Batches(zip(x.unbind(), y.unbind(), strict=True))
    for apart in (False, True):
        medians = measure(
            f"classifier 784-256-32-10, batch 100, 32-true, {'apart and clipped' if apart else 'joined with the loss'}",
            {
                "host alone": lambda b, clock: fit(Small(), b, "32-true", clock),
                "MINERegularizer": lambda b, clock, a=apart: fit(Small(), b, "32-true", clock, small_callback(a)),
                "by hand": lambda b, clock, a=apart: fit(small_by_hand(a), b, "32-true", clock),
                "raw PyTorch": lambda b, clock, a=apart: small_loop(b, None, clock.restart(), a),
            },
            batches,
            rounds,
        )
        need = flops(Small(), batches, small_callback(apart)) / flops(Small(), batches)
        cost = medians["MINERegularizer"] / medians["host alone"]
        print(f"  the term costs {cost:.2f} times the host alone, in floating-point operations {need:.2f} times")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--steps", type=int, default=12, help="of the GAN in a round; the classifier takes 10 times")
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(0)
    print(f"{hardware()}, {torch.get_num_threads()} threads, torch {torch.__version__}, {options.rounds} rounds")
    run_small(options.steps * 10, options.rounds)
    run_gan(options.steps, options.rounds)


if __name__ == "__main__":
    main()
