"""Whether ``stderr`` is the spread: ``python benchmarks/estimate_honesty.py [--repeats 100] [--pairs N] [--out FILE]``.

Three distributions, one hundred fresh data sets of 10,000 pairs (or --pairs) each with the seeds 100 to 199: the
standard deviation of the estimates beside the mean of the standard errors they tell. Promised: of 10,000 pairs the two
agree within 20%. One thread.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from mine_lightning import estimate_mi
from mine_lightning.data.known_mi.tasks import TASKS
from mine_lightning.runs.machine import commit, hardware, versions

NAMES = ("bimodal", "dense-3x3", "2-pair-2x2")
N = 10_000


def measure(name: str, repeats: int, pairs: int) -> dict:
    task = next(task for task in TASKS if task.name == name)
    began = time.perf_counter()
    estimates = [estimate_mi(*task.sample(pairs, 100 + repeat)) for repeat in range(repeats)]
    spread = statistics.stdev(estimate.nats for estimate in estimates)
    told = statistics.mean(estimate.stderr for estimate in estimates)
    return {
        "task": name,
        "truth": task.mi,
        "repeats": repeats,
        "mean": statistics.mean(estimate.nats for estimate in estimates),
        "standard deviation": spread,
        "mean stderr": told,
        "ratio": told / spread,
        "share of intervals with the truth": statistics.mean(
            estimate.interval[0] <= task.mi <= estimate.interval[1] for estimate in estimates
        ),
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=N)
    parser.add_argument("--out", type=Path, help="also write the rows here, as JSON")
    given = parser.parse_args()
    torch.set_num_threads(1)
    revision = commit()  # of the code that runs, whatever is edited meanwhile
    print(f"hardware {hardware()}, {given.pairs:,} pairs, {given.repeats} data sets a task")
    rows = []
    for name in NAMES:
        rows.append(measure(name, given.repeats, given.pairs))
        print(
            "  ".join(
                f"{key} {value:.4f}" if isinstance(value, float) else str(value) for key, value in rows[-1].items()
            ),
            flush=True,
        )
    if given.out is not None:
        whole = {"hardware": hardware(), "versions": versions(), "commit": revision, "n": given.pairs, "rows": rows}
        given.out.write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    main()
