"""The W&B run: online with a key, offline at once and without a prompt where there is none."""

from __future__ import annotations

import configparser
import http.client
import netrc
import os
import shlex
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_info, rank_zero_only

from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder

__all__ = ["has_key", "how_to_look", "silence", "wandb_logger", "wandb_mode"]

_MODES = {
    **{mode: mode for mode in ("online", "offline", "disabled")},
    **{"shared": "online", "run": "online", "dryrun": "offline"},  # the latter two are old names
}
_ANSWER_WITHIN = 10.0  # seconds; wandb's own 90 are long where a training waits for them
_NO_KEY = "there is no API key (see `wandb login`)"


def wandb_mode() -> str:
    """Return "online", "offline" or "disabled".

    ``WANDB_MODE`` decides where it is set; else there is a key (in the environment or netrc) or the run is offline.

    Raises:
        InputError: for a value that W&B does not know.
    """
    asked = os.environ.get("WANDB_MODE", "").lower()
    if not asked:
        return "online" if has_key() else "offline"
    if asked not in _MODES:
        raise InputError(
            f"Expected WANDB_MODE to be online, offline or disabled but it is {asked!r}; set one of them, or unset it."
        )
    return _MODES[asked]


class _Logger(WandbLogger):
    """Lightning's, whose ``trainer/global_step`` counts training batches."""

    def __init__(self, batches: Callable[[int], int] | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._batches = batches

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if step is not None and self._batches is not None:
            step = self._batches(step)
        super().log_metrics(metrics, step)


def wandb_logger(
    folder: RunFolder, config: dict[str, Any], batches: Callable[[int], int] | None = None
) -> Logger | None:
    """Return Lightning's W&B logger for a run folder, or None where W&B is switched off or another process logs.

    The run's id is the folder's, so that a resumed run goes on in the same W&B run. A run that should be online is
    offline where there is no key, or its server does not answer: nothing waits for long, and nothing asks.

    Args:
        folder: the run's.
        config: what W&B keeps as the run's config.
        batches: makes training batches of the steps that the logger is given; None where they are.
    """
    mode = wandb_mode()
    # the first process logs for all, and the others may be here before it has written what the run is
    if mode == "disabled" or getattr(rank_zero_only, "rank", 0) != 0:
        return None
    logger = _logger(folder, mode, batches)
    if mode == "offline":
        reason = "WANDB_MODE asks for it" if os.environ.get("WANDB_MODE") else _NO_KEY
    elif reason := (silence() if has_key() else _NO_KEY):  # wandb would prompt for a key on a terminal
        logger = _logger(folder, "offline", batches)
    elif reason := _refusal(logger):
        logger = _logger(folder, "offline", batches, "-offline")  # wandb holds on to the id of a start that failed
    logger.log_hyperparams(config)
    if reason:
        rank_zero_info(f"W&B: offline, since {reason}.")
    return logger


def _logger(folder: RunFolder, mode: str, batches: Callable[[int], int] | None, ending: str = "") -> Any:
    _tidy()
    import wandb

    identity = folder.identity
    return _Logger(
        batches,
        project=os.environ.get("WANDB_PROJECT", "mine_lightning"),
        name=f"{identity['experiment']} {identity['protocol']} {identity['dataset']} seed {identity['seed']}",
        tags=[identity["experiment"], identity["dataset"]],
        save_dir=str(folder.path),
        id=identity["wandb_id"] + ending,
        # not offline=True: that sets WANDB_MODE for the whole process
        mode=mode,
        # online its line with the address is wanted; offline the final lines of the run say what it would
        settings=wandb.Settings(silent=mode == "offline", init_timeout=_ANSWER_WITHIN),
    )


def _tidy() -> None:
    """Write W&B's variables as it takes them: it refuses an empty mode, one in capitals, and a key with a line end."""
    for name, meant in (("WANDB_MODE", str.lower), ("WANDB_API_KEY", str.strip)):
        value = meant(os.environ.get(name, ""))
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def silence() -> str:
    """Return why W&B's server can't be reached; empty where anything answers, be it an error."""
    try:
        urllib.request.urlopen(urllib.request.Request(_server(), method="HEAD"), timeout=_ANSWER_WITHIN / 2).close()
    except urllib.error.HTTPError:
        return ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        # wandb may know of certificates that Python does not
        certificate = isinstance(getattr(error, "reason", None), ssl.SSLError)
        return "" if certificate else f"{_server()} does not answer ({error})"
    return ""


def _refusal(logger: Any) -> str:
    """Start the run online and return why that fails; empty where it does not."""
    import wandb

    try:
        _ = logger.experiment
    except wandb.errors.Error as error:
        return f"its server can't be used ({' '.join(str(error).split())[:160]})"
    return ""


def how_to_look(folder: RunFolder) -> list[str]:
    """Return the commands that show or upload a run's W&B folder; none where there is no such folder."""
    runs = sorted((folder.path / "wandb").glob("offline-run-*"))
    if not runs:
        return []
    paths = [shlex.quote(str(run)) for run in runs]  # one for each session of a run that was resumed
    return [f"wandb leet {paths[-1]}    (the run, in the terminal)", f"wandb sync {' '.join(paths)}    (upload it)"]


def _server() -> str:
    """Return W&B's address: the environment's, else what `wandb login --host` has written to a settings file."""
    if os.environ.get("WANDB_BASE_URL"):
        return os.environ["WANDB_BASE_URL"]
    own = Path(os.environ.get("WANDB_CONFIG_DIR") or Path.home() / ".config" / "wandb") / "settings"
    here = Path(os.environ.get("WANDB_DIR") or ".") / "wandb" / "settings"
    settings = configparser.ConfigParser(interpolation=None)
    try:
        settings.read([own, here])  # the latter counts
        return settings.get("default", "base_url", fallback="") or "https://api.wandb.ai"
    except (OSError, ValueError, configparser.Error):
        return "https://api.wandb.ai"


def has_key() -> bool:
    """Return whether there is a key, in the environment or in netrc."""
    if os.environ.get("WANDB_API_KEY", "").strip():
        return True
    host = _server().partition("://")[2].partition("/")[0]
    try:
        return netrc.netrc(os.environ.get("NETRC", str(Path.home() / ".netrc"))).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
