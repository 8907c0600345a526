"""Whether a run's ``config.yaml`` still computes what it was started with.

It may be edited between two sessions, to train longer or on another machine. What is only of where and on what a run
runs changes nothing; a run that has computed by two configs must not be taken for a run of either.
"""

from __future__ import annotations

from typing import Any

from pytorch_lightning.utilities.rank_zero import rank_zero_warn

from mine_lightning.cli.configs import config_hash, load
from mine_lightning.runs.folder import RunFolder

__all__ = ["edited", "fingerprint", "mark_edits"]


def fingerprint(config: dict[str, Any]) -> str:
    """Return what stands for the values in a ``config.yaml``, less paths, hardware and the run's seed."""
    return config_hash(config, config)


def edited(folder: RunFolder) -> bool:
    """Return whether a run's ``config.yaml`` has other values than at its start.

    A run of a version that noted no fingerprint has not.
    """
    noted = folder.identity.get("fingerprint")
    return noted is not None and fingerprint(load(folder.config_file)) != noted


def mark_edits(folder: RunFolder) -> None:
    """Warn of an edit, and mark the run's config_hash; to be called where work by the edited config begins."""
    if edited(folder):
        mark = folder.mark_edited()
        rank_zero_warn(
            f"{folder.config_file} was edited since the run began; it goes on with what is there now, and its result "
            f"has the config_hash {mark}, so that no table takes it. Start a new run if it shall be in one."
        )
