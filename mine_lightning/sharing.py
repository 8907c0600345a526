"""A trained host from its run folder, for use elsewhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule

from mine_lightning.errors import InputError, expanded
from mine_lightning.runs.folder import RunFolder

__all__ = ["load_host"]


def load_host(path: str | Path, weights_only: bool = True) -> LightningModule:
    """Return the trained host of a run: a generator, a classifier, in evaluation mode and on the CPU.

    The host is built as the run's ``config.yaml`` describes it, and gets the weights of its checkpoint; where the host
    keeps averaged weights, they are these. No data set is read, the mutual-information term and the optimizers are not
    built, and the global random streams stay where they are.

    Sixteen images of a trained GAN, in [-1, 1]::

        from mine_lightning import load_host

        host = load_host("runs/gan_stacked_mnist/default-mnist-seed0-20260101-120000")
        images = host(host.latents(16, host.device)).detach()

    Of a classifier, ``host(x)`` are class probabilities. To share a host is to share two files, ``config.yaml`` and
    one of ``checkpoints/``, in the same folder or laid out as in a run folder.

    A checkpoint is read as tensors and plain values, no code in it is run, unless ``weights_only`` is False. The config
    names the classes that are built, which have to be installed: as for ``train.py``, load a config only from where you
    would run code from.

    Args:
        path: a run folder, of which ``checkpoints/last.ckpt`` is loaded; or a checkpoint, whose ``config.yaml`` lies
            beside it or in the folder above.
        weights_only: whether tensors and plain values are all that is read. False where the host's
            ``save_hyperparameters`` kept other objects, and whoever wrote the checkpoint is trusted.

    Raises:
        InputError: if there is no config or no checkpoint, if the checkpoint can't be read or holds the weights of
            another host, or if the config has no host, or one that can't be built.
    """
    # here, for they bring in the command line, which importing mine_lightning should not
    from mine_lightning.cli import build, configs

    config_file, checkpoint = _files(expanded(path))
    node = configs.load(config_file).get("model")
    if not isinstance(node, dict) or "class_path" not in node:
        raise InputError(
            f"Expected {config_file} to describe a host under the key model but it has none: a study trains no host; "
            "name the folder of a training."
        )
    weights = _weights(checkpoint, weights_only)
    with _kept_random_streams():
        host = build.host(node)
    _take(host, weights, checkpoint)
    return host.eval()


def _files(path: Path) -> tuple[Path, Path]:
    """Return the config and the checkpoint that a path means."""
    if path.is_dir():
        folder = RunFolder(path)
        if not folder.config_file.is_file():
            raise InputError(
                f"Expected a run folder at {path} but it has no config.yaml; name a folder that "
                "`python train.py --config ...` made, or a checkpoint in it."
            )
        if not folder.last_checkpoint.is_file():
            raise InputError(
                f"Expected a checkpoint at {folder.last_checkpoint} but there is none; name the checkpoint itself, "
                "or a run that has got to the end of its first epoch."
            )
        return folder.config_file, folder.last_checkpoint
    if not path.is_file():
        raise InputError(f"Expected a run folder or a checkpoint at {path} but there is nothing; correct the path.")
    beside = [folder / "config.yaml" for folder in path.absolute().parents[:2]]
    found = next((file for file in beside if file.is_file()), None)
    if found is None:
        raise InputError(
            f"Expected the config.yaml of its run beside the checkpoint {path}, or in the folder above, but there is "
            "none; copy it there."
        )
    return found, path


def _weights(checkpoint: Path, weights_only: bool) -> dict[str, Any]:
    try:
        return torch.load(checkpoint, weights_only=weights_only, map_location="cpu", mmap=True)["state_dict"]
    except Exception as error:
        if weights_only and "Unsupported global" in str(error):
            raise InputError(
                f"Expected tensors and plain values in {checkpoint} but it holds other objects, such as a host's "
                "hyperparameters; if you trust who wrote it, give load_host weights_only=False."
            ) from error
        # torch explains over many lines
        why = str(error).strip().partition("\n")[0][:160] or type(error).__name__
        raise InputError(
            f"Expected a Lightning checkpoint in {checkpoint} but it can't be read ({why}); "
            "name another one of the same run."
        ) from error


def _take(host: LightningModule, weights: dict[str, Any], checkpoint: Path) -> None:
    own = host.state_dict()
    differ = [key for key in {**own, **weights} if _shape(own.get(key)) != _shape(weights.get(key))]
    if differ:
        raise InputError(
            f"Expected the weights of {type(host).__name__} in {checkpoint} but {len(differ)} differ from what the "
            f"config describes, the first {differ[0]}; put the config.yaml of the same run beside it."
        )
    host.load_state_dict(weights)


def _shape(weight: Any) -> tuple[int, ...] | None:
    return None if weight is None else tuple(getattr(weight, "shape", ()))


@contextmanager
def _kept_random_streams() -> Iterator[None]:
    """Run a block, and leave the random streams of torch, NumPy and Python as they were before it."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
