"""What was typed: ``--config`` files, dotted overrides, and a few flags."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from mine_lightning.cli.configs import parse_yaml
from mine_lightning.errors import InputError

__all__ = ["USAGE", "Request", "parse"]

_PATHS = ("data.path", "data.root", "data.init_args.root")

USAGE = """\
usage: python train.py --config NAME [--config OVERLAY ...] [--KEY VALUE ...]
       python train.py --resume RUN_DIR
       python train.py                      list the experiments

  --config NAME      a YAML file, or a name in configs/ or configs/overlays/; several are merged left to right
  --KEY VALUE        override a key of the config by its dotted path: --mine.beta 0.5, --data.batch_size 64,
                     --trainer.max_epochs 3; VALUE is YAML; --mine null takes the mutual-information term off
  --seed N           the run's seed (short for --seed_everything)
  --protocol NAME    a name for what was changed, in the run's folder and tables; no published row stands beside it
  --output DIR       where run folders go (default: runs)
  --resume RUN_DIR   go on where a stopped run ended; its config is kept
  --print_config     print the resolved config and stop
"""


@dataclass
class Request:
    """What was typed.

    Attributes:
        configs: names or paths, left to right.
        overrides: (dotted path, value), left to right.
        resume: a run folder, or None.
        print_config: whether to print the config and stop.
        help: whether to print the usage and stop.
    """

    configs: list[str] = field(default_factory=list)
    overrides: list[tuple[str, Any]] = field(default_factory=list)
    resume: str | None = None
    print_config: bool = False
    help: bool = False


def parse(argv: list[str]) -> Request:
    """Take the command line apart.

    Raises:
        InputError: for a word that is no flag, a flag without a value, or a value that is no YAML.
    """
    request = Request()
    words = list(argv)
    while words:
        word = words.pop(0)
        if word in ("-h", "--help"):
            request.help = True
            continue
        if word == "--print_config":
            request.print_config = True
            continue
        if not word.startswith("-"):
            raise InputError(
                f"Expected flags such as --config NAME but got the word {word!r}; there are no subcommands, "
                "`python train.py --config NAME` trains and tests."
            )
        key, equals, value = word.partition("=")
        if not equals:
            if not words:
                raise InputError(f"Expected a value after {key} but the command ends there.")
            value = words.pop(0)
        _take(request, key.lstrip("-"), value)
    if request.resume is not None and (request.configs or request.overrides):
        raise InputError(
            "Expected --resume RUN_DIR alone but got other flags beside it: a resumed run keeps its config; "
            "to change it start a new run with --config RUN_DIR/config.yaml."
        )
    return request


def _take(request: Request, key: str, value: str) -> None:
    if key in ("config", "c"):
        request.configs.append(value)
    elif key == "resume":
        request.resume = value
    elif key == "output" or (key in _PATHS and value != "null"):  # a path is no YAML: it may have a # in it
        request.overrides.append((key, value))
    else:
        try:
            request.overrides.append(("seed_everything" if key == "seed" else key, _value(value)))
        except yaml.YAMLError as error:
            raise InputError(f"Expected YAML after --{key} but got {value!r}; quote it as YAML does.") from error


def _value(text: str) -> Any:
    if text.endswith(":"):  # a capture such as batch: and no mapping
        return text
    if text.startswith("{"):  # beta over epochs as {0:0.0,2:1.0}, where YAML reads 2:1.0 as a time of two hours
        text = re.sub(r"([{,]\s*[0-9.]+):(?=[-+.0-9])", r"\1: ", text)
    return parse_yaml(text)
