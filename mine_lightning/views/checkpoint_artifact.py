"""The trained host as an artifact of its W&B run, where the user asks for it."""

from __future__ import annotations

import os

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder

__all__ = ["CheckpointArtifact", "checkpoint_wanted"]

_WANTED = {"": False, "false": False, "end": True}


def checkpoint_wanted() -> bool:
    """Return whether ``WANDB_LOG_MODEL``, the variable that W&B's integrations share, is ``end``.

    Raises:
        InputError: for a value other than ``end`` and ``false``.
    """
    asked = os.environ.get("WANDB_LOG_MODEL", "").lower()
    if asked not in _WANTED:
        raise InputError(
            f"Expected WANDB_LOG_MODEL to be end or false but it is {asked!r}; end uploads the last checkpoint."
        )
    return _WANTED[asked]


class CheckpointArtifact(Callback):
    """Log the last checkpoint and the run's config, once training has ended, as the artifact ``model-RUN_ID``.

    The two files, downloaded, are what :func:`mine_lightning.load_host` needs. Without W&B nothing happens.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @rank_zero_only
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger) and self.folder.last_checkpoint.is_file():
                import wandb

                artifact = wandb.Artifact(f"model-{logger.experiment.id}", "model")
                for file in (self.folder.last_checkpoint, self.folder.config_file):
                    artifact.add_file(str(file), name=file.name)
                logger.experiment.log_artifact(artifact)
