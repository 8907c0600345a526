"""An estimate from the command line: ``python train.py --config mi_estimate --data.path pairs.npy``."""

from __future__ import annotations

import inspect
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mine_lightning.cli.checks import check_run, known
from mine_lightning.errors import InputError
from mine_lightning.estimation import MIEstimate, estimate_mi
from mine_lightning.estimation.sources import read_file
from mine_lightning.runs.folder import RunFolder, write_whole
from mine_lightning.runs.machine import commit, hardware, versions
from mine_lightning.views.estimate_page import estimate_page

__all__ = ["is_one", "run"]

KEYS = ("seed_everything", "output", "data", "estimate")
DATA = ("path", "x", "z")


def is_one(config: dict[str, Any]) -> bool:
    """Return whether a config asks for an estimate, not for a training."""
    return "estimate" in config


def run(config: dict[str, Any], experiment: str) -> MIEstimate:
    """Estimate, print, and leave config, result, learning curve and report in a run folder.

    Args:
        config: keys ``data`` (path, x and z: columns), ``estimate`` (arguments of :func:`estimate_mi`),
            ``seed_everything`` and ``output``.
        experiment: its name, which names the folder.

    Raises:
        InputError: for a key that does not exist, a missing path, or data that no estimate can be made from.
    """
    settings = _checked(config)
    data, seed = config["data"], config.get("seed_everything", 0)
    began = time.perf_counter()
    x, z = read_file(data["path"], data.get("x"), data.get("z"))
    estimate = estimate_mi(x, z, seed=seed, **settings)
    print(f"data         {data['path']}\nI(x; z)      {estimate}", flush=True)  # before a disk may fail
    source = Path(data["path"])
    folder = RunFolder.create(config.get("output", "runs"), experiment, "default", source.stem, seed)
    for unused in ("checkpoints", "samples"):
        (folder.path / unused).rmdir()
    folder.write_config(config)
    circumstances = {
        "seconds": round(time.perf_counter() - began, 1),
        "hardware": hardware(),
        "versions": versions(),
        "commit": commit(),
    }
    write_whole(folder.path / "estimate.json", json.dumps(asdict(estimate) | circumstances, indent=1) + "\n")
    written = folder.config_file.read_text(encoding="utf-8")
    write_whole(folder.report, estimate_page(estimate, source.name, written, circumstances))
    print(f"run folder   {folder.path}\n  report.html    (the estimate on one page, for any browser)")
    print(f"  config.yaml, estimate.json{_picture(estimate, folder)}")
    return estimate


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the estimate, once all keys are known."""
    known(config, KEYS, "the config")
    check_run(config)
    data, settings = config.get("data"), config.get("estimate") or {}
    if not isinstance(data, dict) or not data.get("path"):
        raise InputError("Expected a file of pairs but got none; give --data.path FILE.")
    if not isinstance(data["path"], str):
        raise InputError(f"Expected data.path to be a file's path but got {data['path']!r}; quote it.")
    if not isinstance(settings, dict):
        raise InputError(f"Expected estimate to have keys, such as folds, but got {settings!r}.")
    known(data, DATA, "data")
    accepted = [name for name in inspect.signature(estimate_mi).parameters if name not in ("x", "z", "seed")]
    known(settings, accepted, "estimate")
    # 1e3 is a float in YAML
    return {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in settings.items()}


def _picture(estimate: MIEstimate, folder: RunFolder) -> str:
    """Draw the learning curve, where matplotlib is installed, and return what to add to the list of files."""
    try:
        estimate.plot().savefig(folder.path / "curve.png")
    except ImportError:
        return " (and curve.png, once matplotlib is installed)"
    return ", curve.png"
