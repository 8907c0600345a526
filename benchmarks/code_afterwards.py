"""What a trained code tells, by a T that never met the encoder: ``python benchmarks/code_afterwards.py RUN...``.

RUN is the folder of a finished run of ``ib_mnist_*.yaml``. A term that is minimised has a T of its own, from which the
encoder runs away; here ``estimate_mi`` trains new ones on the frozen code of the test digits, and reads I(x; z) and
I(z; label) on pairs that they were not trained on. Pixels that are the same in all digits are left out.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mine_lightning import estimate_mi, load_host
from mine_lightning.data import FlatMNIST
from mine_lightning.runs.machine import hardware


@torch.inference_mode()
def codes(run: Path, root: str | None) -> tuple[Tensor, Tensor, Tensor]:
    host, data = load_host(run).eval(), FlatMNIST(batch_size=1000, root=root)
    data.prepare_data()
    data.setup("test")
    parts = [(x.flatten(1), y, host.encoder(x).z) for x, y in data.test_dataloader()]
    x, y, z = (torch.cat(part) for part in zip(*parts, strict=True))
    return x[:, x.std(dim=0) > 0].clone(), y.clone(), z.clone()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--root", default=None, help="of the data; MINE_LIGHTNING_DATA by default")
    parser.add_argument("--max_steps", type=int, default=None, help="updates of each T at most; estimate_mi's default")
    options = parser.parse_args()
    brief = {} if options.max_steps is None else {"max_steps": options.max_steps}
    for run in options.runs:
        x, y, z = codes(run, options.root)
        told = json.loads((run / "summary.json").read_text())["metrics"]
        start = time.monotonic()
        of_y, of_x = estimate_mi(z, one_hot(y).float(), **brief), estimate_mi(x, z, **brief)
        print(f"{run.name}: its own T {told.get('mi', float('nan')):.2f}, test error {told['test_error_percent']:.2f}%")
        print(f"  I(z; label) {of_y}")
        print(f"  I(x; z)     {of_x}")
        print(f"  {time.monotonic() - start:.0f} s, {hardware()}")


if __name__ == "__main__":
    main()
