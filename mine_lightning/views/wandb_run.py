"""The W&B run: online with a key, offline at once and without a prompt where there is none."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_info

from mine_lightning.runs.folder import RunFolder

__all__ = ["how_to_look", "wandb_logger", "wandb_mode"]


def wandb_mode() -> str:
    """Return "online", "offline" or "disabled".

    ``WANDB_MODE`` decides where it is set; else there is a key (in the environment or netrc) or the run is offline.
    """
    asked = os.environ.get("WANDB_MODE", "").lower()
    if asked in ("disabled", "offline", "online"):
        return asked
    if asked in ("dryrun", "run"):  # W&B's old names
        return "offline" if asked == "dryrun" else "online"
    return "online" if os.environ.get("WANDB_API_KEY") or _key_in_netrc() else "offline"


def wandb_logger(folder: RunFolder, config: dict[str, Any]) -> Logger | None:
    """Return Lightning's W&B logger for a run folder, or None where W&B is switched off.

    The run's id is the folder's, so that a resumed run goes on in the same W&B run.
    """
    mode = wandb_mode()
    if mode == "disabled":
        return None
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    identity = folder.identity
    logger = WandbLogger(
        project=os.environ.get("WANDB_PROJECT", "mine_lightning"),
        name=f"{identity['experiment']} {identity['protocol']} {identity['dataset']} seed {identity['seed']}",
        tags=[identity["experiment"], identity["dataset"]],
        save_dir=str(folder.path),
        id=identity["wandb_id"],
        # not offline=True: that sets WANDB_MODE for the whole process
        mode=mode,
        # online its line with the address is wanted; offline the final lines of the run say what it would
        settings=wandb.Settings(silent=mode == "offline"),
    )
    logger.log_hyperparams(config)
    if mode == "offline":
        asked = "WANDB_MODE asks for it" if os.environ.get("WANDB_MODE") else "there is no API key (see `wandb login`)"
        rank_zero_info(f"W&B: offline, since {asked}.")
    return logger


def how_to_look(folder: RunFolder) -> list[str]:
    """Return the commands that show or upload a run's W&B folder; none where there is no such folder."""
    runs = sorted((folder.path / "wandb").glob("offline-run-*"))
    if not runs:
        return []
    return [f"wandb leet {runs[-1]}    (the run, in the terminal)", f"wandb sync {runs[-1]}    (upload it)"]


def _key_in_netrc() -> bool:
    host = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").partition("://")[2].partition("/")[0]
    try:
        return netrc.netrc(os.environ.get("NETRC", str(Path.home() / ".netrc"))).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
