"""``python train.py``: which of a training, a study and an estimate was asked for, and wrong input in one sentence."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException

from mine_lightning.cli import arguments, configs, estimates, studies, trainings
from mine_lightning.errors import InputError
from mine_lightning.runs.folder import RunFolder

__all__ = ["main", "merged", "planned", "shipped_hash"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


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
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        print(f"error: Expected room on the disk but there is none ({error}); make some.", file=sys.stderr)
        return 2
    except SIGTERMException:
        return 128 + signal.SIGTERM


def _main(request: arguments.Request) -> int:
    if request.help:
        print(arguments.USAGE)
    elif request.resume is not None:
        folder = RunFolder.open(request.resume)
        config = configs.load(folder.config_file)
        if request.print_config:
            print(_yaml(config))
        else:
            _kind(config).resume(folder)
    elif request.configs:
        config = merged(request)
        if estimates.is_one(config):
            print(_yaml(config)) if request.print_config else estimates.run(
                config, _experiment(configs.find(request.configs[0]))
            )
            return 0
        if request.print_config:
            print(_yaml(_kind(config).resolved(config)))
        else:
            _kind(config).start(config, _experiment(configs.find(request.configs[0])))
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
    """Return what tells the run that was asked for from others, without starting it.

    Experiment, protocol, dataset, seed and config_hash, as its run.json has them.

    Raises:
        InputError: for the first name that does not exist.
    """
    config = merged(request)
    if estimates.is_one(config):
        raise InputError(
            f"Expected an experiment but {request.configs[0]} asks for an estimate of data of your own, which no table "
            "has a place for; `python train.py` lists the experiments."
        )
    return _kind(config).identify(config, _experiment(configs.find(request.configs[0])))


def shipped_hash(experiment: str, protocol: str) -> str | None:
    """Return the config_hash of an experiment of this repository under one of its protocols, None where either is none.

    Args:
        experiment: its name.
        protocol: that of one of its overlays, or ``default``.
    """
    over = {path.stem for path in configs.overlays()}
    if experiment not in {path.stem for path in configs.shipped()} or protocol not in over | {"default"}:
        return None
    names = [experiment] if protocol == "default" else [experiment, protocol]
    config = merged(arguments.parse([word for name in names for word in ("--config", name)]))
    return None if estimates.is_one(config) else configs.config_hash(config, _kind(config).resolved(config))


def merged(request: arguments.Request) -> dict[str, Any]:
    """Return the config that was asked for: its files merged left to right, its overrides."""
    config: dict[str, Any] = {}
    if len(request.configs) > 1 and configs.find(request.configs[0]) in configs.overlays():
        raise InputError(
            f"Expected an experiment first but {request.configs[0]} is an overlay; give it behind, as in --config "
            f"{request.configs[1]} --config {request.configs[0]}."
        )
    for name in request.configs:
        config = configs.lay_over(config, configs.find(name))
    for path, value in request.overrides:
        configs.override(config, path, value)
    return config


def _kind(config: dict[str, Any]) -> Any:
    """Return what knows how to identify, start and resume what a config asks for."""
    return studies if studies.is_one(config) else trainings


def _experiment(path: Path) -> str:
    """Return the experiment's name: the file's, or that of the run whose config.yaml it is."""
    if path.name == "config.yaml" and path.with_name("estimate.json").is_file():
        return path.parent.parent.name  # an estimate has no run.json
    if path.name == "config.yaml" and path.with_name("run.json").is_file():
        experiment = RunFolder(path.parent).identity.get("experiment")
        if not isinstance(experiment, str):
            raise InputError(
                f"Expected the run's experiment in {path.with_name('run.json')} but it has none; the file is damaged, "
                "copy config.yaml to another folder and start from there."
            )
        return experiment
    return path.stem


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
