"""One training from start to end: train, test, write the result."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import StochasticWeightAveraging, WeightAveraging
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.model_helpers import is_overridden
from pytorch_lightning.utilities.rank_zero import rank_zero_only, rank_zero_warn

from mine_lightning.cli import announcements, build, checks, configs
from mine_lightning.cli.edits import fingerprint, mark_edits
from mine_lightning.cli.trainer import callbacks_of, run_trainer
from mine_lightning.denormals import flushed_denormals
from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.machine import choose_precision, commit, hardware
from mine_lightning.runs.mode_counts import read_mode_counts
from mine_lightning.runs.summary import curve, summarise
from mine_lightning.runs.warning_log import kept_warnings
from mine_lightning.views.report import RESULT_HEADER, result_rows, write_report
from mine_lightning.views.terminal import quiet_lightning
from mine_lightning.views.wandb_results import log_results

__all__ = ["identify", "ready_and_plain", "resolved", "resume", "start"]


def resolved(config: dict[str, Any]) -> dict[str, Any]:
    """Return a training's config with all defaults filled in, as plain data.

    Raises:
        InputError: for a name or a value in it that does not fit.
    """
    return ready_and_plain(config)[1]


def ready_and_plain(config: dict[str, Any], precision: str | None = None) -> tuple[Any, dict[str, Any]]:
    """Return a config filled in by its classes, ready to build, and the same as plain data with "auto" kept.

    Args:
        config: as it was read.
        precision: what "auto" was when the run was started; what is best here by default.

    Raises:
        InputError: for a name or a value in it that does not fit.
    """
    checks.check_names(config)
    trainer = config.get("trainer") or {}
    chosen: dict[str, Any] = {}
    if trainer.get("precision") == "auto":
        chosen = {"trainer": {"precision": precision or choose_precision(trainer.get("accelerator") or "auto")[0]}}
    ready = build.resolve(configs.merge(_seeded(config), chosen))
    plain = build.dump(ready)
    if chosen:
        plain["trainer"]["precision"] = "auto"
    return ready, plain


def identify(config: dict[str, Any], experiment: str) -> dict[str, Any]:
    """Return what tells a training from other runs: experiment, protocol, dataset, seed and config_hash.

    Args:
        config: as it was read.
        experiment: its name.

    Raises:
        InputError: for a name or a value in the config that does not fit.
    """
    ready, plain = ready_and_plain(config)
    return _identity(config, experiment, plain, build.instantiate(ready).data)


def _identity(
    config: dict[str, Any], experiment: str, plain: dict[str, Any], data: pl.LightningDataModule
) -> dict[str, Any]:
    return {
        "experiment": experiment,
        "protocol": plain["protocol"],
        "dataset": _name_of(data),
        "seed": plain["seed_everything"],
        "config_hash": configs.config_hash(config, plain),
    }


def _name_of(data: pl.LightningDataModule) -> str:
    return getattr(data, "dataset_name", type(data).__name__)


def _seeded(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config with the run's seed for the data and the term, where they take one and none is written."""
    seed = {"seed": config.get("seed_everything", 0)}
    over: dict[str, Any] = {"mine": seed} if config.get("mine") else {}
    data = config["data"]["class_path"]
    if "seed" in checks.arguments_of(data):
        over["data"] = {"class_path": data, "init_args": seed}
    return configs.merge(over, config)


def _unseeded(plain: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Return the filled-in config less the seeds that nobody wrote, so that it can be run with another --seed."""
    less = copy.deepcopy(plain)
    if less.get("mine") and "seed" not in config["mine"]:
        less["mine"].pop("seed", None)
    if less["data"].get("init_args") and "seed" not in (config["data"].get("init_args") or {}):
        less["data"]["init_args"].pop("seed", None)
    return less


@flushed_denormals()
def start(config: dict[str, Any], experiment: str) -> None:
    """Train and test what a config asks for, in a new folder, and write its result there.

    Args:
        config: as it was read.
        experiment: its name.

    Raises:
        InputError: for the first thing in it that does not fit.
    """
    quiet_lightning()
    ready, plain = ready_and_plain(config)
    parts = _build(ready, plain)
    identity = _identity(config, experiment, plain, parts.data)
    named = (identity[key] for key in ("experiment", "protocol", "dataset", "seed"))
    folder = RunFolder.create(plain["output"], *named)
    written = _unseeded(plain, config)
    precision = str(ready.trainer.precision)
    folder.write_identity(**identity, commit=commit(), precision=precision, fingerprint=fingerprint(written))
    folder.write_config(written)
    with folder.claimed():
        _run(folder, parts, plain, resume=False)


@flushed_denormals()
def resume(folder: RunFolder) -> None:
    """Go on with a training from its folder's last checkpoint, and write its result.

    Raises:
        InputError: if its data set is another one now, its checkpoint can't be read, or another process works on it.
    """
    quiet_lightning()
    # on another machine too: a run is the same whether it was interrupted or not
    ready, plain = ready_and_plain(configs.load(folder.config_file), folder.identity.get("precision"))
    parts = _build(ready, plain)
    before, now = folder.identity["dataset"], _name_of(parts.data)
    if before != now:
        raise InputError(
            f"Expected the data set {before!r} that {folder.path} was started on but found {now!r}; "
            "name its folder in MINE_LIGHTNING_DATA."
        )
    with folder.claimed():
        _run(folder, parts, plain, resume=True)


def _build(ready: Any, plain: dict[str, Any]) -> build.Parts:
    pl.seed_everything(plain["seed_everything"], workers=True, verbose=False)
    parts = build.instantiate(ready)
    _check_test(parts.model, parts.data)
    return parts


def _run(folder: RunFolder, parts: build.Parts, config: dict[str, Any], resume: bool) -> None:
    began = time.perf_counter()
    steps_done = _steps_in(folder.last_checkpoint) if resume else None
    trainer = run_trainer(folder, parts, config, steps_done)
    _check_turns(trainer, parts.model)
    announcements.announce(folder, parts, trainer, config, steps_done)
    timer = next(callback for callback in callbacks_of(trainer) if isinstance(callback, pl.callbacks.Timer))
    with announcements.told_how_to_resume(folder), kept_warnings(folder.warnings_file):
        _tell_of_late_average(trainer)
        if resume:
            mark_edits(folder)
        fit_began = time.perf_counter()
        # what a host's save_hyperparameters keeps may be any object; who runs a config runs the code that it names
        begin = folder.last_checkpoint if resume else None
        trainer.fit(parts.model, datamodule=parts.data, ckpt_path=begin, weights_only=False)
        # of all sessions, less this one's, which the wall clock has; read here, since test() loads the checkpoint's
        # time into the timer once more
        earlier = max(0.0, timer.time_elapsed("train") - (time.perf_counter() - fit_began))
        steps = trainer.fit_loop.total_batch_idx + 1
        # one process's word for all: a launcher's others may take the folder of an earlier launch for this one's
        last = trainer.strategy.broadcast(str(folder.last_checkpoint))
        with _averages_as_saved(trainer):
            found = trainer.test(parts.model, datamodule=parts.data, ckpt_path=last, verbose=False, weights_only=False)
        scores = {key: value for loader in found for key, value in loader.items()}
    for logger in trainer.loggers:
        logger.finalize("success")
    # an earlier session of this run counts with the time that its checkpoint knows of
    _conclude(folder, trainer, scores, steps, earlier + time.perf_counter() - began)


@rank_zero_only  # the others may have no run.json: it need not be on their disk
def _conclude(folder: RunFolder, trainer: pl.Trainer, scores: Any, steps: int, seconds: float) -> None:
    """Write the result, its page and its table once a run is tested."""
    evaluations = curve(folder.path / "metrics.csv")
    metrics = {key.removeprefix("test/"): value for key, value in scores.items()}
    metrics |= {key: value for key, value in _newest_estimates(evaluations).items() if key not in metrics}
    judges = (getattr(callback, "judge_accuracy", None) for callback in callbacks_of(trainer))
    summary = summarise(
        folder.identity,
        steps,
        metrics,
        evaluations,
        seconds,
        str(trainer.precision),
        next((accuracy for accuracy in judges if accuracy is not None), None),
        hardware(trainer),
    )
    folder.write_summary(summary)
    try:
        write_report(folder)
    except Exception as error:  # the result is worth more than its page
        rank_zero_warn(f"The report of {folder.path} can't be written: {type(error).__name__}: {error}")
    counts = list(read_mode_counts(folder.modes_file).values())
    log_results(trainer.loggers, RESULT_HEADER, result_rows(summary), counts[-1] if counts else None, steps)
    announcements.finish(folder, summary)


def _newest_estimates(evaluations: list[dict[str, float]]) -> dict[str, float]:
    """Return the newest held-out estimates of a run; the Trainer itself knows those of its own session alone."""
    found = {key: value for point in evaluations for key, value in point.items()}
    # a host may log val/nmi, which is none of ours
    ours = {key for key in found if key.endswith("mi") and f"{key}_stderr" in found}
    return {key: value for key, value in found.items() if key.removesuffix("_stderr") in ours}


def _check_turns(trainer: pl.Trainer, host: pl.LightningModule) -> None:
    """Refuse plain DDP for a host whose optimizers take turns, before processes start that would be killed."""
    strategy = trainer.strategy
    if host.automatic_optimization or not isinstance(strategy, DDPStrategy) or trainer.world_size == 1:
        return
    if not (strategy._ddp_kwargs.get("find_unused_parameters") or strategy._ddp_kwargs.get("static_graph")):
        raise InputError(
            f"Expected a strategy for {type(host).__name__}, whose optimizers take turns, but plain DDP waits for "
            "gradients that a turn does not make; give --trainer.strategy ddp_find_unused_parameters_true."
        )


def _tell_of_late_average(trainer: pl.Trainer) -> None:
    if any(isinstance(callback, StochasticWeightAveraging) for callback in callbacks_of(trainer)):
        rank_zero_warn(
            "StochasticWeightAveraging may put its average in place after the last checkpoint, by which a run is "
            "tested and loaded; mine_lightning.hosts.averaging.AveragedWeights is tested and saved as the average."
        )


@contextmanager
def _averages_as_saved(trainer: pl.Trainer) -> Iterator[None]:
    """Let a checkpoint be loaded with its averaged weights, by which the run was validated.

    Lightning's own callback, once it has trained, puts the weights without averaging in place of them.
    """
    for callback in callbacks_of(trainer):
        if isinstance(callback, WeightAveraging) and callback._average_model is not None:
            if not callback._average_model.n_averaged:
                rank_zero_warn(
                    f"the average of {type(callback).__name__} never began: what is validated, saved, tested and "
                    "loaded are the weights from before the training; let it start sooner, and train again."
                )
            callback._average_model = None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You're using the WeightAveraging callback, but loading")  # as is meant
        yield


def _check_test(host: pl.LightningModule, data: pl.LightningDataModule) -> None:
    """Refuse a run that would be trained to its end before it turns out that it can't be tested."""
    name = type(host).__name__
    if not is_overridden("test_step", host):
        raise InputError(
            f"Expected {name} to have a test_step, since a run is tested at its end, but it has none; give it one, "
            "such as `test_step = validation_step`."
        )
    if not (is_overridden("test_dataloader", data) or is_overridden("test_dataloader", host)):
        raise InputError(
            f"Expected {type(data).__name__} to have a test_dataloader, since a run is tested at its end, but it has "
            "none; give it one."
        )


def _steps_in(checkpoint: Path) -> int:
    try:
        loops = torch.load(checkpoint, weights_only=False, map_location="cpu", mmap=True)["loops"]
        return loops["fit_loop"]["epoch_loop.batch_progress"]["total"]["completed"]
    except Exception as error:
        raise InputError(
            f"Expected a Lightning checkpoint in {checkpoint} but it can't be read ({error}); "
            "put an older one of the same folder in its place."
        ) from error
