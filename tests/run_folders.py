"""Run folders as ``train.py`` leaves them, without a training."""

import csv
import json

import numpy as np
from PIL import Image

IDENTITY = {
    "experiment": "gan_stacked_mnist",
    "protocol": "default",
    "dataset": "mnist",
    "seed": 0,
    "config_hash": "0123456789ab",
    "wandb_id": "01234567",
}
CONFIG = "model:\n  class_path: mine_lightning.DCGAN\nmine:\n  beta: 1.0\n"


def modes_of(covered, samples=2600):
    """Counts of 1000 modes, the first so many of them covered evenly."""
    return [samples // covered if mode < covered else 0 for mode in range(1000)]


def make_run(path, finished=True, **identity):
    """Write a run of 400 steps with two evaluations."""
    identity = IDENTITY | identity
    (path / "samples").mkdir(parents=True)
    (path / "run.json").write_text(json.dumps(identity))
    (path / "config.yaml").write_text(CONFIG.replace("1.0", str(1.0 + identity["seed"])))
    (path / "warnings.txt").write_text("T overfits <by far>.\n")
    rows = []
    for step in range(49, 400, 50):
        row = {"step": step, "epoch": 0, "train/loss_d": 1.2, "train/loss_g": 1 + 100 / step, "mine/mi": step / 100}
        rows.append(row | {"mine/g_u": 2.0, "mine/g_m": 0.5, "mine/clip": 1.0, "lr/generator": 1e-3})
    for step, covered, kl in ((199, 500, 1.5), (399, 900, 0.2)):
        rows.append({"step": step, "val/modes": covered, "val/kl": kl, "val/mi": 3.0, "val/mi_stderr": 0.1})
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels[:8] = step % 256
        Image.fromarray(pixels).save(path / "samples" / f"step-{step + 1:06d}.png")
    rows.append({"step": 400, "test/kl": 0.21})
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with (path / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    with (path / "modes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *range(1000)])
        writer.writerows([[200, *modes_of(500)], [400, *modes_of(900)]])
    if finished:
        summary = {key: identity[key] for key in ("experiment", "protocol", "dataset", "seed", "config_hash")} | {
            "steps": 400,
            "metrics": {"kl": 0.21, "modes": 900, "floor_kl": 0.02, "floor_modes": 1000, "mi": 3.0},
            "evaluations": [],
            "judge_accuracy": 0.99,
            "wall_time_s": 90.0,
            "hardware": "one core",
            "precision": "32-true",
            "versions": {"torch": "2.9"},
            "commit": "0123456789abcdef",
        }
        (path / "summary.json").write_text(json.dumps(summary))
    return path
