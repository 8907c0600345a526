"""The machine that a run is on: its hardware in words, the versions that matter, and the precision that pays here."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.accelerators import CUDAAccelerator

__all__ = ["choose_precision", "commit", "hardware", "versions"]


def choose_precision(accelerator: str = "auto") -> tuple[str, str]:
    """Return Lightning's precision that is fastest here, and why in words.

    bfloat16 autocast halves a step of a small GAN on processors with bfloat16 instructions and slows it on others.

    Args:
        accelerator: the Trainer's; "auto" is the GPU where there is one.
    """
    if torch.cuda.is_available() and accelerator in ("auto", "gpu", "cuda"):
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16-mixed", "the GPU has bfloat16"
        return "32-true", "the GPU has no bfloat16"
    for feature, words in (("_is_avx512_bf16_supported", "AVX512-BF16"), ("_is_amx_tile_supported", "AMX")):
        check = getattr(torch.cpu, feature, None)
        if check is not None and check():
            return "bf16-mixed", f"the processor has {words}"
    return "32-true", "the processor has no bfloat16 instructions"


def hardware(trainer: Trainer | None = None) -> str:
    """Return the accelerator or processor, the number of threads and, above 1, of processes, in words.

    Args:
        trainer: whose devices are meant; all of this machine by default.
    """
    if torch.cuda.is_available() if trainer is None else isinstance(trainer.accelerator, CUDAAccelerator):
        devices = torch.cuda.device_count() if trainer is None else trainer.world_size
        return f"{devices} x {torch.cuda.get_device_name()}"
    processes = "" if trainer is None or trainer.world_size == 1 else f", {trainer.world_size} processes"
    return f"{_processor()}, {torch.get_num_threads()} threads{processes}"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    import pytorch_lightning
    import torchmetrics

    import mine_lightning

    packages: dict[str, Any] = {
        "mine_lightning": mine_lightning,
        "torch": torch,
        "pytorch_lightning": pytorch_lightning,
        "torchmetrics": torchmetrics,
    }
    return {"python": platform.python_version(), **{name: str(p.__version__) for name, p in packages.items()}}


def commit() -> str | None:
    """Return the commit of the checkout that this code is in, "-dirty" where files differ; None outside of one."""
    here = Path(__file__).parent
    try:
        own = [
            "git",
            "ls-files",
            "--error-unmatch",
            __file__,
        ]  # the checkout may be another's, with a venv of ours in it
        subprocess.run(own, cwd=here, capture_output=True, check=True)
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
        # the untracked are left out: they hold results and run folders
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip() + ("-dirty" if changed.stdout.strip() else "")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
