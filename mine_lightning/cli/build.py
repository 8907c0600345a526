"""Objects from a config, by Lightning's own argument parser."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any, Optional

import jsonargparse
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.cli import LightningArgumentParser

from mine_lightning.errors import InputError
from mine_lightning.regularizer.callback import MINERegularizer

__all__ = ["Parts", "instantiate", "resolve"]


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
    except (jsonargparse.ArgumentError, TypeError) as error:
        raise InputError(_told(str(error))) from error


def instantiate(resolved: Any) -> Parts:
    """Build what a resolved config describes; the random seed must have been set."""
    built = _parser().instantiate_classes(resolved)
    return Parts(built.model, built.data, built.mine, dict(built.trainer.as_dict()))


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


def _told(message: str) -> str:
    """Return jsonargparse's message in one sentence: the innermost key, what it takes, and what it got."""
    expected = [line.strip(" -") for line in message.splitlines() if line.strip(" -").startswith("Expected")]
    if not expected or "Parser key" not in message:
        return f"Expected a config that fits its classes but: {' '.join(message.split())[:300]}"
    first = message.index(expected[0])
    path = ".".join(re.findall(r'Parser key "([^"]+)"', message[:first]))
    takes, _, got = expected[0].partition(" Got value: ")
    got = got or message.rpartition("Given value: ")[2]
    takes = re.sub(r"<class '([^']+)'>|typing\.", r"\1", takes.removeprefix("Expected a ").strip(" ."))
    return f"Expected {takes} for {path} but got {' '.join(got.split())[:200]!r}; correct it in the config."
