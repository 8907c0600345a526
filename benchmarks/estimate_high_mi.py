"""High information: ``python benchmarks/estimate_high_mi.py``.

Gaussians in 20 dimensions, 100,000 pairs, one thread. Promised: rho = 0.7 (6.7 nats) within 5% and without a warning;
rho = 0.9 (16.6 nats, above the log of the number of pairs) with a warning, whatever the value.
"""

import time

import torch

from mine_lightning import estimate_mi
from mine_lightning.data.known_mi import Gaussian, sparse
from mine_lightning.runs.machine import hardware


def main() -> None:
    torch.set_num_threads(1)
    print(f"hardware {hardware()}")
    for rho in (0.7, 0.9):
        distribution = Gaussian(f"rho {rho}", sparse(20, rho))
        began = time.perf_counter()
        estimate = estimate_mi(*distribution.sample(100_000, 0))
        off = estimate.nats / distribution.mi - 1
        print(f"{distribution}: {off:+.1%} in {time.perf_counter() - began:.0f} s; {estimate}", flush=True)


if __name__ == "__main__":
    main()
