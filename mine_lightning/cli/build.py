"""Objects from a config, by Lightning's own argument parser."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any, Optional

import jsonargparse
import torch
from jsonargparse.typing import register_type
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.cli import LightningArgumentParser

from mine_lightning.cli.checks import check_classes
from mine_lightning.cli.users_code import place_of
from mine_lightning.errors import InputError
from mine_lightning.regularizer.callback import MINERegularizer

__all__ = ["Parts", "dump", "host", "instantiate", "resolve", "told"]

register_type(torch.device, fail_already_registered=False)  # a default of some callbacks, which YAML would not know


@dataclass
class Parts:
    """What a config describes, built.

    Attributes:
        model: the host.
        data: the datamodule.
        mine: the mutual-information term, or None.
        trainer: the Trainer's arguments, its callbacks built.
    """

    model: LightningModule
    data: LightningDataModule
    mine: MINERegularizer | None
    trainer: dict[str, Any]


def resolve(config: dict[str, Any]) -> Any:
    """Check a config against the signatures of its classes and fill in their defaults.

    Raises:
        InputError: for a value of the wrong type, in one line.
    """
    try:
        return _parser().parse_object(copy.deepcopy(config))
    except (jsonargparse.ArgumentError, TypeError, ValueError, AttributeError) as error:
        raise InputError(told(str(error))) from error


def instantiate(resolved: Any) -> Parts:
    """Build what a resolved config describes; the random seed must have been set.

    Raises:
        InputError: if a class refuses its arguments.
    """
    try:
        built = _parser().instantiate_classes(resolved)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(told(str(error)) + place_of(error)) from error
    return Parts(built.model, built.data, built.mine, dict(built.trainer.as_dict()))


def host(model: dict[str, Any]) -> LightningModule:
    """Build the host alone, from the section ``model`` of a config; draws from the global random streams.

    Raises:
        InputError: for a class or an argument that does not fit.
    """
    model = copy.deepcopy(model)
    check_classes(model, "model")
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    try:
        return parser.instantiate_classes(parser.parse_object({"model": model})).model
    except (jsonargparse.ArgumentError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(told(str(error)) + place_of(error)) from error


def dump(resolved: Any) -> dict[str, Any]:
    """Return a resolved config as plain data."""
    import yaml

    return yaml.safe_load(_parser().dump(resolved, skip_check=True, skip_none=False))


def _parser() -> LightningArgumentParser:
    parser = LightningArgumentParser(exit_on_error=False)
    parser.add_argument("--seed_everything", type=int, default=0)
    parser.add_argument("--output", type=str, default="runs")
    parser.add_argument("--protocol", type=str, default="default")
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(LightningModule, "model", subclass_mode=True)
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    parser.add_argument("--mine", type=Optional[MINERegularizer], default=None)  # noqa: UP045 - jsonargparse reads it
    return parser


def told(message: str) -> str:
    """Return a message of jsonargparse in one sentence: the innermost key, what it takes, and what it got.

    Where a class's own check is what failed, its sentence is the answer.
    """
    own = re.findall(r"Expected [^\n]*? but (?:got|it|that|its|there) [^\n]*", message)
    if own:
        return own[0].strip()
    if lacking := re.findall(r"given class_path '([^']+)':\s+the following arguments are required: ([^\n]+)", message):
        name, arguments = lacking[-1]
        missing = [one for one in arguments.split(", ") if one not in ("x_shape", "z_shape")]  # made for it
        if name.endswith(f".{MINERegularizer.__name__}"):
            return (
                f"Expected {' and '.join(missing)} under mine but the config has none; write it there, or leave out "
                "the overlay or the override that brought mine, if the experiment has no term."
            )
        return f"Expected {' and '.join(missing)} for {name} but the config has none; give it under init_args."
    expected = [line.strip(" -") for line in message.splitlines() if line.strip(" -").startswith("Expected a ")]
    telling = [line for line in expected if "NoneType" not in line]
    if not telling or "Parser key" not in message:
        return f"Expected a config that fits its classes but: {' '.join(_problem(message).split())[:300]}"
    # of a union's subtypes the one that says what it got: a list of strings got as far as its entry
    told_most = next((line for line in telling if " Got value: " in line), telling[0])
    first = message.index(told_most)
    path = ".".join(re.findall(r'Parser key "([^"]+)"', message[:first]))
    takes, _, got = told_most.partition(" Got value: ")
    takes = re.sub(r"<class '([^']+)'>|typing\.", r"\1", takes.removeprefix("Expected a ").strip(" ."))
    if not got:
        given = message[first:].partition("Given value: ")[2].partition("\n")[0].strip()
        # of a whole section that does not fit, jsonargparse shows all of it: no help
        got = "" if given.startswith(("{", "[", "Namespace")) else given
    return f"Expected {takes} for {path}" + (f" but got {got[:200]!r}" if got else "") + "; correct it in the config."


def _problem(message: str) -> str:
    """Return the lines that say what is wrong, without those on what the section as a whole may be."""
    noise = ("Does not validate", "Subtypes", "Errors", "Given value", "Expected a <class 'NoneType'>")
    return " ".join(line for line in map(_bare, message.splitlines()) if line and not line.startswith(noise))


def _bare(line: str) -> str:
    return line.strip(" -")
