"""What Lightning costs: ``python benchmarks/estimate_overhead.py``.

The same T, batches, objective, optimizer and average of weights, 600 steps, once by ``estimation.training.train`` under
a Trainer and once in a plain PyTorch loop. The promise is a ratio of at most 1.15. Each is run five times in turn on
one thread; the medians count.
"""

import statistics
import time

import torch

from mine_lightning.bounds import InfoNCE
from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.estimation.pairs import Pairs, read_pairs
from mine_lightning.estimation.training import Training, train
from mine_lightning.networks import SeparableStatistics
from mine_lightning.pairing import AllOthers
from mine_lightning.runs.machine import hardware

STEPS = 600
# as often back to the Trainer as the defaults are for 6,000 pairs; the look at two validation pairs there, which the
# loop does without, counts against the Trainer
TRAINING = Training(batch_size=256, max_steps=STEPS, check_every=20, patience=STEPS)


def lightning(pairs: Pairs, index: torch.Tensor) -> float:
    began = time.perf_counter()
    train(SeparableStatistics, pairs, index[1:], index[:2], TRAINING, seed=0)
    return time.perf_counter() - began


def raw(pairs: Pairs, index: torch.Tensor) -> float:
    began = time.perf_counter()
    T, bound, others = SeparableStatistics(*pairs.shapes), InfoNCE(anchor=0.5), AllOthers()
    optimizer = torch.optim.Adam(T.parameters(), lr=TRAINING.learning_rate, fused=True)
    average = [p.detach().clone() for p in T.parameters()]
    source = [p.detach() for p in T.parameters()]
    generator, step, size = torch.Generator().manual_seed(0), 0, TRAINING.batch_size
    while step < STEPS:
        order = index[torch.randperm(len(index), generator=generator)]
        for start in range(0, len(order) - size + 1, size):
            x, z = pairs[order[start : start + size]]
            matrix = T.matrix(x, z)
            objective = bound.objective(matrix.diagonal(), matrix.gather(1, others(size, generator)))
            optimizer.zero_grad()
            (-objective).backward()
            optimizer.step()
            step += 1
            torch._foreach_lerp_(average, source, 1 - min(TRAINING.decay, step / (step + 9)))
            if step == STEPS:
                break
    return time.perf_counter() - began


def main() -> None:
    torch.set_num_threads(1)
    pairs = Pairs(*read_pairs(*Gaussian("g", sparse(5, 0.5)).sample(6000, 0)), gaussianise=True, seed=0)
    index = torch.arange(6000)
    lightning(pairs, index), raw(pairs, index)  # warm
    times = [(lightning(pairs, index), raw(pairs, index)) for _ in range(5)]
    ours, loop = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"hardware {hardware()}")
    print(
        f"{STEPS} steps of 256 pairs: Trainer {ours:.2f} s, plain loop {loop:.2f} s, ratio {ours / loop:.2f} (<= 1.15)"
    )


if __name__ == "__main__":
    main()
