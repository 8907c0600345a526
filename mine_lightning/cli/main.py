"""One run from start to end: train, test, tell."""

from __future__ import annotations

import contextlib
import copy
import os
import shlex
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint, ProgressBar
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException
from pytorch_lightning.utilities.model_helpers import is_overridden
from pytorch_lightning.utilities.rank_zero import rank_zero_info, rank_zero_only, rank_zero_warn

from mine_lightning.cli import arguments, build, checks, configs, estimates, studies
from mine_lightning.errors import InputError
from mine_lightning.published import published_row
from mine_lightning.runs.batch_count import BatchCount
from mine_lightning.runs.csv_log import MetricsCSV
from mine_lightning.runs.folder import RunFolder
from mine_lightning.runs.machine import choose_precision, commit, hardware
from mine_lightning.runs.mode_counts import ModeCounts, read_mode_counts
from mine_lightning.runs.random_streams import SeedEachEpoch
from mine_lightning.runs.summary import curve, summarise
from mine_lightning.runs.warning_log import kept_warnings
from mine_lightning.views.checkpoint_artifact import CheckpointArtifact, checkpoint_wanted
from mine_lightning.views.interpolations import Interpolations
from mine_lightning.views.mode_picture import ModePictures
from mine_lightning.views.points import PointCloud
from mine_lightning.views.reconstructions import Reconstructions
from mine_lightning.views.report import RESULT_HEADER, Report, result_rows, write_report
from mine_lightning.views.samples import SampleGrid
from mine_lightning.views.terminal import progress_bar, quiet_lightning, table
from mine_lightning.views.wandb_results import log_results
from mine_lightning.views.wandb_run import how_to_look, wandb_logger

__all__ = ["identify", "main", "merged", "planned", "resolved"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, or 2 for wrong input, which is told in one sentence.

    Args:
        argv: the words after ``train.py``; by default those of this process.
    """
    try:
        code = _main(arguments.parse(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()  # here, where a reader that has gone can be told from an error
        return code
    except (InputError, MisconfigurationException) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` has seen enough; what Python has yet to print at its end goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except SIGTERMException:
        return 128 + signal.SIGTERM


def _main(request: arguments.Request) -> int:
    if request.help:
        print(arguments.USAGE)
    elif request.resume is not None:
        folder = RunFolder.open(request.resume)
        print(_yaml(configs.load(folder.config_file))) if request.print_config else _resume(folder)
    elif request.configs:
        config = merged(request)
        if estimates.is_one(config):
            print(_yaml(config)) if request.print_config else estimates.run(config, request.configs[0])
            return 0
        if studies.is_one(config):
            experiment = _experiment(configs.find(request.configs[0]))
            print(_yaml(studies.resolved(config))) if request.print_config else studies.start(config, experiment)
            return 0
        checks.check_names(config)
        if request.print_config:
            print(_yaml(resolved(config)[1]))
        else:
            _start(config, _experiment(configs.find(request.configs[0])))
    elif request.overrides:
        raise InputError("Expected --config NAME beside the overrides but there is none; `python train.py` lists them.")
    else:
        print(arguments.USAGE)
        for title, paths in (("experiments:", configs.shipped()), ("overlays, over one of them:", configs.overlays())):
            print(title)
            for path in paths:
                print(f"  {path.stem:<34} {configs.describe(path)}")
    return 0


def planned(request: arguments.Request) -> dict[str, Any]:
    """Return what tells the run that was asked for from others, without starting it; see :func:`identify`.

    Raises:
        InputError: for the first name that does not exist.
    """
    config, experiment = merged(request), _experiment(configs.find(request.configs[0]))
    if studies.is_one(config):
        return studies.identify(config, experiment)
    checks.check_names(config)
    ready, plain = resolved(config)
    return identify(experiment, config, plain, build.instantiate(ready).data)


def merged(request: arguments.Request) -> dict[str, Any]:
    """Return the config that was asked for: its files merged left to right, its overrides."""
    config: dict[str, Any] = {}
    for name in request.configs:
        config = configs.lay_over(config, configs.find(name))
    for path, value in request.overrides:
        configs.override(config, path, value)
    return config


def _experiment(path: Path) -> str:
    """Return the experiment's name: the file's, or that of the run whose config.yaml it is."""
    if path.name == "config.yaml" and path.with_name("run.json").is_file():
        experiment = RunFolder(path.parent).identity.get("experiment")
        if not isinstance(experiment, str):
            raise InputError(
                f"Expected the run's experiment in {path.with_name('run.json')} but it has none; the file is damaged, "
                "copy config.yaml to another folder and start from there."
            )
        return experiment
    return path.stem


def resolved(config: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a config filled in by its classes, ready to build, and the same as plain data with "auto" kept."""
    trainer = config.get("trainer") or {}
    chosen = {"trainer": {"precision": choose_precision()[0]}} if trainer.get("precision") == "auto" else {}
    ready = build.resolve(configs.merge(_seeded(config), chosen))
    plain = build.dump(ready)
    if chosen:
        plain["trainer"]["precision"] = "auto"
    return ready, plain


def identify(experiment: str, config: dict[str, Any], plain: dict[str, Any], data: pl.LightningDataModule) -> Any:
    """Return what tells a run from others: experiment, protocol, dataset, seed and config_hash.

    Args:
        experiment: its name.
        config: as it was read.
        plain: as :func:`resolved` filled it in.
        data: the datamodule that was built from it.
    """
    return {
        "experiment": experiment,
        "protocol": plain["protocol"],
        "dataset": getattr(data, "dataset_name", type(data).__name__),
        "seed": plain["seed_everything"],
        "config_hash": configs.config_hash(config, plain),
    }


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


def _start(config: dict[str, Any], experiment: str) -> None:
    quiet_lightning()
    ready, plain = resolved(config)
    parts = _build(ready, plain)
    identity = identify(experiment, config, plain, parts.data)
    named = (identity[key] for key in ("experiment", "protocol", "dataset", "seed"))
    folder = RunFolder.create(plain["output"], *named)
    folder.write_identity(**identity, commit=commit())
    folder.write_config(_unseeded(plain, config))
    with folder.claimed():
        _run(folder, parts, plain, resume=False)


def _resume(folder: RunFolder) -> None:
    quiet_lightning()
    config = configs.load(folder.config_file)
    if studies.is_one(config):
        studies.resume(folder)
        return
    checks.check_names(config)
    ready, plain = resolved(config)
    parts = _build(ready, plain)
    before, now = folder.identity["dataset"], getattr(parts.data, "dataset_name", type(parts.data).__name__)
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
    trainer = _trainer(folder, parts, config, steps_done)
    _check_turns(trainer, parts.model)
    _announce(folder, parts, config, steps_done)
    timer = next(callback for callback in _callbacks(trainer) if isinstance(callback, pl.callbacks.Timer))
    with _told_how_to_resume(folder), kept_warnings(folder.warnings_file):
        fit_began = time.perf_counter()
        trainer.fit(parts.model, datamodule=parts.data, ckpt_path=folder.last_checkpoint if resume else None)
        # of all sessions, less this one's, which the wall clock has; read here, since test() loads the checkpoint's
        # time into the timer once more
        earlier = max(0.0, timer.time_elapsed("train") - (time.perf_counter() - fit_began))
        steps = trainer.fit_loop.total_batch_idx + 1
        # one process's word for all: a launcher's others may take the folder of an earlier launch for this one's
        last = trainer.strategy.broadcast(str(folder.last_checkpoint))
        scores = trainer.test(parts.model, datamodule=parts.data, ckpt_path=last, verbose=False)[0]
    for logger in trainer.loggers:
        logger.finalize("success")
    # an earlier session of this run counts with the time that its checkpoint knows of
    _conclude(folder, trainer, scores, steps, earlier + time.perf_counter() - began)


@rank_zero_only  # the others may have no run.json: it need not be on their disk
def _conclude(folder: RunFolder, trainer: pl.Trainer, scores: Any, steps: int, seconds: float) -> None:
    """Write the result, its page and its table once a run is tested."""
    evaluations = curve(folder.path / "metrics.csv")
    metrics = {key.removeprefix("test/"): value for key, value in scores.items()} | _newest_estimates(evaluations)
    judges = (getattr(callback, "judge_accuracy", None) for callback in _callbacks(trainer))
    summary = summarise(
        folder.identity,
        steps,
        metrics,
        evaluations,
        seconds,
        str(trainer.precision),
        next((accuracy for accuracy in judges if accuracy is not None), None),
    )
    folder.write_summary(summary)
    try:
        write_report(folder)
    except Exception as error:  # the result is worth more than its page
        rank_zero_warn(f"The report of {folder.path} can't be written: {type(error).__name__}: {error}")
    counts = list(read_mode_counts(folder.modes_file).values())
    log_results(trainer.loggers, RESULT_HEADER, result_rows(summary), counts[-1] if counts else None, steps)
    _finish(folder, summary)


def _trainer(folder: RunFolder, parts: build.Parts, config: dict[str, Any], steps_done: int | None) -> pl.Trainer:
    given = dict(parts.trainer)
    count = BatchCount()
    callbacks = [count, *(given.pop("callbacks") or [])]
    loggers: list[Any] = [MetricsCSV(folder.path / "metrics.csv", steps_done, count.batches)]
    own = given.pop("logger")
    if own is None or own is True:
        wandb = wandb_logger(folder, config, count.batches)
        loggers += [] if wandb is None else [wandb]
    elif own is not False:
        loggers += own if isinstance(own, list) else [own]
    callbacks += [] if parts.mine is None else [parts.mine]
    callbacks += [
        SeedEachEpoch(config["seed_everything"]),
        SampleGrid(folder.samples),
        PointCloud(folder.samples),
        ModeCounts(folder.modes_file),
        ModePictures(),
        Reconstructions(folder.samples),
        Interpolations(folder.samples),
        Report(folder),  # after the pictures that it shows
        pl.callbacks.Timer(duration=given.pop("max_time")),
        *_checkpoints(folder, given["check_val_every_n_epoch"] or 1),
    ]
    if checkpoint_wanted():
        callbacks.append(CheckpointArtifact(folder))
    if not any(isinstance(callback, LearningRateMonitor) for callback in callbacks):
        callbacks.append(LearningRateMonitor())
    if given["enable_progress_bar"] is not False and not any(isinstance(c, ProgressBar) for c in callbacks):
        callbacks.append(progress_bar())
    given["default_root_dir"] = given["default_root_dir"] or str(folder.path)
    try:
        return pl.Trainer(**given, callbacks=callbacks, logger=loggers)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"Expected arguments of the Trainer that fit together and this machine but: {' '.join(str(error).split())}"
        ) from error


def _newest_estimates(evaluations: list[dict[str, float]]) -> dict[str, float]:
    """Return the newest held-out estimates of a run; the Trainer itself knows those of its own session alone."""
    return {key: value for point in evaluations for key, value in point.items() if key.endswith(("mi", "mi_stderr"))}


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


def _checkpoints(folder: RunFolder, every: int) -> list[ModelCheckpoint]:
    """Return what saves ``last.ckpt`` after each epoch, evaluated or not, and one to keep every so many."""
    # after validation and outside of the epoch: a resumed run starts with a whole one. Over what is there: a run that
    # goes on from an older checkpoint would write last-v1.ckpt, and be tested by last.ckpt
    save = partial(
        ModelCheckpoint, folder.last_checkpoint.parent, save_on_train_epoch_end=True, enable_version_counter=False
    )
    kept = partial(save, filename="epoch-{epoch:03d}", auto_insert_metric_name=False, save_top_k=-1)
    if every == 1:
        return [kept(save_last=True)]
    # save_last alone would write it where one is kept, and after training
    last = save(filename=folder.last_checkpoint.stem)
    return [kept(every_n_epochs=every), last]


def _steps_in(checkpoint: Path) -> int:
    try:
        loops = torch.load(checkpoint, weights_only=True, map_location="cpu", mmap=True)["loops"]
        return loops["fit_loop"]["epoch_loop.batch_progress"]["total"]["completed"]
    except Exception as error:
        raise InputError(
            f"Expected a Lightning checkpoint in {checkpoint} but it can't be read ({error}); "
            "put an older one of the same folder in its place."
        ) from error


@rank_zero_only
def _announce(folder: RunFolder, parts: build.Parts, config: dict[str, Any], steps_done: int | None) -> None:
    identity, mine = folder.identity, parts.mine
    print(f"experiment   {identity['experiment']} ({identity['protocol']}), seed {identity['seed']}")
    print(f"data set     {identity['dataset']}")
    beta = "" if mine is None else mine.beta_schedule or f"{mine.beta:g}"
    term = "off" if mine is None else f"{mine.direction} I(x; z), x = {mine.x}, z = {mine.z}, beta {beta}"
    print(f"MINE         {term}")
    if config["trainer"]["precision"] == "auto":
        print("precision    {}, since {}".format(*choose_precision()))
    print(f"hardware     {hardware()}")
    print(f"run folder   {folder.path}" + ("" if steps_done is None else f", going on after step {steps_done:,}"))
    sys.stdout.flush()


@rank_zero_only
def _finish(folder: RunFolder, summary: dict[str, Any]) -> None:
    title = f"{summary['experiment']} on {summary['dataset']}, seed {summary['seed']}, {summary['steps']:,} steps"
    print("\n" + table(title, result_rows(summary), RESULT_HEADER))
    row = published_row(summary["experiment"], summary["protocol"])
    if row is not None:
        print(f"published: {row.system}, {row.source}; {row.certainty}")
    print(f"\n{folder.path}")
    print("  report.html    (the run on one page, for any browser)")
    print("  summary.json, metrics.csv, samples/, checkpoints/")
    for line in how_to_look(folder):
        print(f"  {line}")


@contextlib.contextmanager
def _told_how_to_resume(folder: RunFolder) -> Any:
    try:
        yield
    except InputError:
        raise
    except BaseException:
        if folder.last_checkpoint.is_file():
            rank_zero_info(f"The run stopped. Go on with: python train.py --resume {shlex.quote(str(folder.path))}")
        else:
            rank_zero_info("The run stopped before the end of its first epoch: there is nothing to go on from.")
        raise


def _callbacks(trainer: pl.Trainer) -> list[pl.Callback]:
    return trainer.callbacks  # type: ignore[attr-defined]


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
