"""Time and memory against the number of pairs: ``python benchmarks/estimate_scale.py [N ...]``.

Pairs with 0.37 nats from a memory-mapped .npy, each N in a process of its own, one thread. Promised: time that is
linear in N, and memory that does not grow with the file beyond the order of the pairs (16 bytes a pair).
"""

import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RHO = 0.72


def write(path: Path, n: int) -> None:
    """Write n pairs, a million at a time."""
    array = np.lib.format.open_memmap(path, "w+", np.float32, (n, 2))
    generator = np.random.default_rng(0)
    for start in range(0, n, 10**6):
        x, e = generator.normal(size=(2, min(10**6, n - start)))
        array[start : start + 10**6] = np.stack([x, RHO * x + math.sqrt(1 - RHO**2) * e], axis=1)


def one(path: str) -> None:
    import torch

    from mine_lightning import estimate_mi
    from mine_lightning.estimation.sources import read_file

    torch.set_num_threads(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    # the steps of training do not grow with N; few of them are enough for what is measured here
    estimate = estimate_mi(*read_file(path), max_steps=300)
    seconds = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{estimate.n:>12,} pairs  {seconds:7.1f} s  {grown:6.0f} MB above the import  {estimate}", flush=True)


def main() -> None:
    print(f"truth {-0.5 * math.log(1 - RHO**2):.4f} nats")
    for n in [int(word) for word in sys.argv[1:]] or [10**5, 10**6, 10**7]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pairs.npy"
            write(path, n)
            subprocess.run([sys.executable, __file__, "--one", str(path)], check=True)


if __name__ == "__main__":
    one(sys.argv[2]) if sys.argv[1:2] == ["--one"] else main()
