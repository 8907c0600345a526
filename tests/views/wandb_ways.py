"""A program: starts a W&B run in every way that the environment can ask for, and tells what came of each.

It waits for no answer: a prompt would make it hang, and its test fail.
"""

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(sys.argv[1])
WAYS = json.loads(sys.argv[2])
os.environ["NETRC"] = str(ROOT / "netrc")
ROOT.mkdir(exist_ok=True)

import wandb  # noqa: E402

from mine_lightning.runs.folder import RunFolder  # noqa: E402
from mine_lightning.views.wandb_run import how_to_look, wandb_logger  # noqa: E402

results = {}
for name, (mode, key, server) in WAYS.items():
    wandb.teardown()  # it reads the environment once
    for variable, value in (("WANDB_MODE", mode), ("WANDB_API_KEY", key), ("WANDB_BASE_URL", server)):
        os.environ.pop(variable, None)
        if value is not None:
            os.environ[variable] = value
    os.environ.pop("MINE_LIGHTNING_RUN_FOLDER", None)
    folder = RunFolder.create(ROOT / name, "experiment", "default", "mnist", 0)
    folder.write_identity(experiment="experiment", protocol="default", dataset="mnist", seed=0, config_hash="0")
    began = time.perf_counter()
    logger = wandb_logger(folder, {"mine": {"beta": 0.5}})
    took = time.perf_counter() - began
    if logger is not None:
        logger.log_metrics({"mine/mi": 0.25}, 7)
        logger.experiment.finish()
    results[name] = {"seconds": took, "logger": logger is not None, "look": how_to_look(folder)}
(ROOT / "results.json").write_text(json.dumps(results))
