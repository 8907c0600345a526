"""``estimate_mi`` beside torch-mist's MINE, on the same pairs, one after the other, a thread each.

torch-mist wants NumPy 1, so it gets an environment of its own, whose Python is named here::

    python -m venv mist && mist/bin/pip install 'numpy<2' pandas torch-mist==0.2.17
    python benchmarks/estimate_peer.py --peer mist/bin/python [--out FILE]

The tasks are those of ``estimate_accuracy.py``, 10,000 pairs each. torch-mist trains its MINE on two thirds of them, a
tenth of which stop it early, 1,500 steps at most with two layers of 128 units, and is read on the rest; everything
else is its default. ``estimate_mi`` runs with its default settings and, for those in a hurry, with two folds of 200
steps (chosen on other samples, seeds from 1,000 on). Promised: three times as fast as torch-mist to a lower error.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

N = 10_000
NAMES = ("estimate_mi", "brief", "torch_mist")
BRIEF = {"folds": 2, "max_steps": 200}


def peer() -> None:
    """Run in torch-mist's environment: estimate each file that is named on the standard input, answer in JSON."""
    import numpy as np
    import torch
    from torch_mist import estimate_mi

    torch.set_num_threads(1)
    for line in sys.stdin:
        pairs = np.load(line.strip())
        held_out = len(pairs["x"]) // 3
        train, test = ({key: pairs[key][part] for key in "xz"} for part in (slice(held_out, None), slice(held_out)))
        torch.manual_seed(0)
        began = time.perf_counter()
        nats = estimate_mi(
            data={"x": train["x"], "y": train["z"]},
            test_data={"x": test["x"], "y": test["z"]},
            estimator="mine",
            hidden_dims=[128, 128],
            max_iterations=1500,
            verbose=False,
            logger=False,
        )
        nats = nats[0] if isinstance(nats, tuple) else nats
        # it prints on its own: the answer has a line that begins with a word of ours
        print("answer", json.dumps({"nats": float(nats), "seconds": time.perf_counter() - began}), flush=True)


def ask(process: subprocess.Popen, path: Path) -> dict:
    process.stdin.write(f"{path}\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("answer "):
            return json.loads(line.removeprefix("answer "))
    raise SystemExit("Expected an answer from the peer's Python but it ended; see its message above.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="the Python of torch-mist's environment")
    parser.add_argument("--out", type=Path, help="also write the rows and the summary here, as JSON")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.as_peer:
        peer()
        return
    if asked.peer is None:
        parser.error("--peer is missing: torch-mist needs an environment of its own")

    import numpy as np
    import torch

    from mine_lightning import estimate_mi
    from mine_lightning.data.known_mi.tasks import TASKS
    from mine_lightning.runs.machine import commit, hardware, versions

    torch.set_num_threads(1)
    revision = commit()
    print(f"hardware {hardware()}, {N:,} pairs")
    print(f"{'task':<30} {'truth':>6}   {'estimate_mi':<17} {'brief':<17} torch-mist's MINE")
    command = [asked.peer, __file__, "--as-peer"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed, task in enumerate(TASKS):
            x, z = task.sample(N, seed)
            np.savez(Path(folder) / "pairs.npz", x=x.numpy(), z=z.numpy())
            row = {"task": task.name, "truth": task.mi}
            for name, settings in (("estimate_mi", {}), ("brief", BRIEF)):
                began = time.perf_counter()
                nats = estimate_mi(x, z, **settings).nats
                row[name] = {"nats": nats, "seconds": time.perf_counter() - began}
            row["torch_mist"] = ask(process, Path(folder) / "pairs.npz")
            rows.append(row)
            cells = (f"{row[name]['nats']:8.3f} {row[name]['seconds']:5.1f} s  " for name in NAMES)
            print(f"{task.name:<30} {task.mi:6.3f} {' '.join(cells)}", flush=True)
    process.stdin.close()
    found = summary(rows)
    for name, value in found.items():
        print(f"{name:<56} {value:.3f}")
    if asked.out is not None:
        meta = {"pairs": N, "hardware": hardware(), "versions": versions() | {"torch_mist": "0.2.17"}}
        asked.out.write_text(json.dumps({**meta, "commit": revision, "summary": found, "rows": rows}, indent=1) + "\n")


def summary(rows: list[dict]) -> dict:
    found = {}
    for name in NAMES:
        errors = [abs(row[name]["nats"] - row["truth"]) for row in rows]
        finite = [error for error in errors if math.isfinite(error)]
        found[f"{name}, tasks without a number"] = len(errors) - len(finite)
        found[f"{name}, mean absolute error on the others"] = statistics.mean(finite)
        found[f"{name}, median absolute error on the others"] = statistics.median(finite)
        found[f"{name}, median seconds"] = statistics.median(row[name]["seconds"] for row in rows)
    for name in NAMES[:2]:
        ratios = (row["torch_mist"]["seconds"] / row[name]["seconds"] for row in rows)
        found[f"{name}, times as fast as torch-mist, median"] = statistics.median(ratios)
    return found


if __name__ == "__main__":
    main()
