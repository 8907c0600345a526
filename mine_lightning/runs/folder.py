"""The run folder: one place for everything that a run leaves behind."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from mine_lightning.claim import claim
from mine_lightning.errors import InputError, expanded

__all__ = ["EDITED", "RunFolder", "read_summary", "write_whole"]

EDITED = "-edited"  # ends the config_hash of a run whose config.yaml was edited on the way
# rank 0 tells the processes that it starts where the run lives
_IDENTITY = {"experiment", "protocol", "dataset", "seed", "config_hash", "wandb_id"}
_VARIABLE = "MINE_LIGHTNING_RUN_FOLDER"


@dataclass(frozen=True)
class RunFolder:
    """A run folder and the places in it.

    ======================  ==========================================================
    ``config.yaml``         the resolved config
    ``run.json``            experiment, data set, seed and the W&B run's id
    ``checkpoints/``        ``last.ckpt``, and one for each evaluation
    ``callbacks/``          what a ``ModelCheckpoint`` of the config's own saves
    ``metrics.csv``         everything that was logged
    ``samples/``            sample grids, PNG
    ``modes.csv``           samples per mode of each evaluation, where modes are counted
    ``warnings.txt``        warnings that came up, one a line
    ``report.html``         all of it on one page
    ``rows.csv``            of a study, with ``figure.png``; it has no checkpoints and no metrics
    ``summary.json``        the result, once the run has finished
    ``wandb/``              the W&B run
    ``.lock``               held by the process that works on it
    ======================  ==========================================================

    Attributes:
        path: the folder.
    """

    path: Path

    @classmethod
    def create(cls, root: str | Path, experiment: str, protocol: str, dataset: str, seed: int) -> RunFolder:
        """Make a new folder ``root/experiment/protocol-dataset-seed0-DATE-TIME``; two runs never share one.

        Raises:
            InputError: if it can't be written.
        """
        if _VARIABLE in os.environ and _rank() != 0:
            return cls(Path(os.environ[_VARIABLE]))
        dataset = re.sub(r"[^\w.-]+", "-", str(dataset))  # a part of the folder's name
        stem = f"{protocol}-{dataset}-seed{seed}-{_launch() or datetime.now().strftime('%Y%m%d-%H%M%S')}"
        path = expanded(root) / experiment / stem
        if _rank() != 0:
            return cls(path)
        try:
            path = _make_new(path)
            for name in ("checkpoints", "samples"):
                (path / name).mkdir()
        except OSError as error:
            raise InputError(
                f"Expected to write the run folder {path} but that fails ({error.strerror or error}); "
                "choose another place with --output DIR."
            ) from error
        os.environ[_VARIABLE] = str(path)
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Return an existing run folder that can be resumed.

        Raises:
            InputError: if it is none, or holds no checkpoint, or another process is at its first epoch.
        """
        folder = cls(expanded(path))
        if (folder.path / "estimate.json").is_file():
            raise InputError(
                f"Expected the folder of a run at {path} but it has an estimate, which is finished; start another by "
                f"--config {folder.config_file}."
            )
        for needed in (folder.config_file, folder.path / "run.json"):
            if not needed.is_file():
                raise InputError(
                    f"Expected a run folder at {path} but it has no {needed.name}; name a folder that "
                    "`python train.py --config ...` made."
                )
        missing = _IDENTITY - set(folder.identity)
        if missing:
            raise InputError(
                f"Expected {', '.join(sorted(_IDENTITY))} in {folder.path / 'run.json'} but "
                f"{', '.join(sorted(missing))} is missing; the file is damaged, start the run again."
            )
        if not folder.started:
            with folder.claimed():  # one that is still in its first epoch has not stopped, and says so
                raise InputError(
                    f"Expected a checkpoint at {folder.last_checkpoint} but there is none: the run stopped before the "
                    "end of its first epoch; start it again."
                )
        if folder.last_checkpoint.is_file():
            folder.samples.mkdir(exist_ok=True)
        return folder

    def claimed(self, wait: bool = False) -> AbstractContextManager[None]:
        """Keep other runs of this folder out while the block runs; two would write one metrics.csv and last.ckpt.

        Args:
            wait: wait until no other process works on it.

        Raises:
            ClaimedError: if another process works on it and ``wait`` is False.
        """
        if _rank() != 0:
            return nullcontext()  # the first process holds it for all
        return claim(self.path / ".lock", f"the run folder {self.path}", wait)

    @property
    def config_file(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    @property
    def last_checkpoint(self) -> Path:
        """The newest checkpoint."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def rows(self) -> Path:
        """What a study has found so far."""
        return self.path / "rows.csv"

    @property
    def started(self) -> bool:
        """Whether there is something to go on from."""
        return self.last_checkpoint.is_file() or self.rows.is_file()

    @property
    def samples(self) -> Path:
        """Where sample grids go."""
        return self.path / "samples"

    @property
    def modes_file(self) -> Path:
        """Samples per mode of each evaluation."""
        return self.path / "modes.csv"

    @property
    def warnings_file(self) -> Path:
        """Warnings that came up."""
        return self.path / "warnings.txt"

    @property
    def report(self) -> Path:
        """The page that shows the run."""
        return self.path / "report.html"

    @property
    def identity(self) -> dict[str, Any]:
        """Experiment, protocol, dataset, seed, config_hash, wandb_id and more, as ``run.json`` keeps them."""
        try:
            found = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @rank_zero_only
    def write_identity(self, **identity: Any) -> None:
        """Write what the run is, with a new id for its W&B run."""
        self._rewrite({**identity, "wandb_id": secrets.token_hex(4)})

    @rank_zero_only
    def write_config(self, config: dict[str, Any]) -> None:
        """Write the resolved config."""
        write_whole(self.config_file, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))

    def mark_edited(self) -> str:
        """Mark the config_hash of a run that has computed by two configs, and return it."""
        identity = self.identity
        mark = identity["config_hash"].removesuffix(EDITED) + EDITED
        self._rewrite(identity | {"config_hash": mark})
        return mark

    @rank_zero_only
    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the result."""
        write_whole(self.path / "summary.json", json.dumps(summary, indent=2) + "\n")

    @rank_zero_only
    def _rewrite(self, identity: dict[str, Any]) -> None:
        write_whole(self.path / "run.json", json.dumps(identity, indent=2) + "\n")


def read_summary(path: Path) -> dict[str, Any]:
    """Return a finished run's ``summary.json``.

    Raises:
        InputError: if it is damaged.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        if {"experiment", "protocol", "dataset", "seed"} <= set(summary):
            return summary
    except (ValueError, TypeError):
        pass
    raise InputError(
        f"Expected experiment, protocol, dataset and seed in {path} but it is damaged; delete it and give "
        f"`python train.py --resume {shlex.quote(str(path.parent))}`, which writes it anew."
    )


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step, so that a kill leaves the old one or the new one, never a part.

    Raises:
        InputError: if it can't be written.
    """
    try:
        part = path.with_name(path.name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except (OSError, ValueError) as error:  # no name has an error of value
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"Expected to write {path} but that fails ({why}); make room there, or get the right to write, or choose "
            "another place."
        ) from error


def _rank() -> int:
    """Return this process's rank, from the launcher where there is one, else the one that started the others."""
    return int(getattr(rank_zero_only, "rank", 0))


def _launch() -> str | None:
    """Return what names this launch to all of its processes where a launcher started them at once, else None."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return f"{os.environ['TORCHELASTIC_RUN_ID']}-{os.environ.get('MASTER_PORT', '0')}"
    return f"slurm{os.environ['SLURM_JOB_ID']}" if "SLURM_PROCID" in os.environ else None


def _make_new(path: Path) -> Path:
    for attempt in range(1, 100):
        candidate = path if attempt == 1 else path.with_name(f"{path.name}-{attempt}")
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            continue
        return candidate
    raise FileExistsError(17, "99 runs started in the same second", str(path))
