"""Names in a config that do not exist, told before anything is built, with the nearest that do."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Iterable
from typing import Any

from pytorch_lightning import Trainer

from mine_lightning.cli.users_code import place_of
from mine_lightning.errors import InputError
from mine_lightning.regularizer.callback import MINERegularizer

__all__ = ["KEYS", "arguments_of", "check_classes", "check_names", "check_run", "known"]

KEYS = ("seed_everything", "output", "protocol", "trainer", "model", "data", "mine")

# where a class_path without a module is looked up, in this order
_MODULES = (
    "mine_lightning",
    "mine_lightning.hosts",
    "mine_lightning.hosts.adversarial",
    "mine_lightning.hosts.classification",
    "mine_lightning.networks",
    "mine_lightning.networks.latents",
    "mine_lightning.evaluations",
    "mine_lightning.studies",
    "mine_lightning.bounds",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "pytorch_lightning.callbacks",
    "pytorch_lightning.loggers",
)


def check_names(config: dict[str, Any]) -> None:
    """Check every key and class of a config, and write out in place each class_path that was short.

    Raises:
        InputError: for the first one that does not exist.
    """
    known(config, KEYS, "the config")
    check_run(config)
    if not isinstance(config.get("mine") or {}, dict):
        raise InputError(f"Expected mine to have keys, or null, but got {config['mine']!r}.")
    _check_arguments(config.get("trainer") or {}, Trainer, "trainer")
    if isinstance(config.get("mine"), dict):
        _check_arguments(config["mine"], MINERegularizer, "mine")
    for key in ("model", "data"):
        node = config.get(key)
        if not isinstance(node, dict) or "class_path" not in node:
            raise InputError(
                f"Expected {key} to have a class_path but got {node!r}; start from an experiment: --config NAME."
            )
        check_classes(node, key)


def check_run(config: dict[str, Any]) -> None:
    """Check what names and bounds a run: its seed, its protocol, its place, and that there is something to train."""
    seed, protocol = config.get("seed_everything", 0), config.get("protocol", "default")
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"Expected a seed from 0 to 4294967295 but got {seed!r}.")
    if not isinstance(protocol, str) or not re.fullmatch(r"\w[\w.-]*", protocol):
        raise InputError(f"Expected protocol to be a word, part of file names, but got {protocol!r}.")
    if not isinstance(config.get("output", "runs"), str) or config.get("output") == "":
        raise InputError(f"Expected output to be a folder but got {config['output']!r}.")
    trainer = config.get("trainer", {})  # a study has none
    if not isinstance(trainer, dict):
        raise InputError(f"Expected trainer to have keys but got {trainer!r}.")
    if trainer.get("fast_dev_run"):
        raise InputError("Expected no trainer.fast_dev_run, which saves no checkpoint; take --config smoke over it.")
    above_zero = ("max_epochs", "max_steps", "check_val_every_n_epoch")
    for key in (*above_zero, "limit_train_batches", "limit_val_batches", "limit_test_batches"):
        if trainer.get(key) == 0:
            raise InputError(f"Expected trainer.{key} above 0 but got 0; a run trains, evaluates and tests.")
    if not isinstance(trainer.get("callbacks") or [], list):
        raise InputError("Expected trainer.callbacks to be a list but got a mapping; start each with a dash.")


def arguments_of(class_path: str) -> list[str]:
    """Return the names of the arguments that a class takes."""
    return list(inspect.signature(_find_class(class_path, "data")).parameters)


def _check_arguments(arguments: dict[str, Any], owner: type, where: str) -> None:
    parameters = inspect.signature(owner).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        known(arguments, [name for name in parameters], where)
    for key, value in arguments.items():
        check_classes(value, f"{where}.{key}")


def check_classes(node: Any, where: str) -> None:
    """Check the classes at or below a node."""
    if isinstance(node, list):
        for index, entry in enumerate(node):
            check_classes(entry, f"{where}[{index}]")
    elif isinstance(node, dict) and "class_path" in node:
        known(node, ("class_path", "init_args", "dict_kwargs"), where)
        found = _find_class(node["class_path"], where)
        _check_package(found, where)
        node["class_path"] = f"{found.__module__}.{found.__qualname__}"
        if "init_args" in node and node["init_args"] is None:
            node["init_args"] = {}  # the key alone, with all of its lines commented out
        arguments = node.get("init_args", {})
        if not isinstance(arguments, dict):
            raise InputError(f"Expected {where}.init_args to have keys but got {arguments!r}.")
        _check_arguments(arguments, found, where)


def _find_class(name: Any, where: str) -> type:
    if not isinstance(name, str) or not name:
        raise InputError(f"Expected {where}.class_path to name a class but got {name!r}.")
    module, _, last = name.rpartition(".")
    candidates: list[str] = []
    for place in [module] if module else _MODULES:
        try:
            found = importlib.import_module(place)
        except (ImportError, TypeError, ValueError) as error:
            absent = isinstance(error, ModuleNotFoundError) and f"{place}.".startswith(f"{error.name}.")
            if absent or place.startswith(".") or not place:  # the last two are a TypeError and a ValueError
                raise InputError(
                    f"Expected {where}.class_path to name a class but there is no module {place!r} for {name!r}; "
                    "correct it, install what it belongs to, or name its folder in PYTHONPATH."
                ) from None
            raise InputError(
                f"Expected {where}.class_path to name a class but {place!r} can't be imported ({error}); install what "
                f"it needs, or correct it{place_of(error)}."
            ) from error
        if inspect.isclass(getattr(found, last, None)):
            return getattr(found, last)
        candidates += [key for key, value in vars(found).items() if inspect.isclass(value) and not key.startswith("_")]
    near = _did_you_mean(last, candidates)
    raise InputError(f"Expected {where}.class_path to name a class but there is no {name!r}{near or '.'}")


def _check_package(found: type, where: str) -> None:
    """Refuse the classes of ``lightning``, which are none of ``pytorch_lightning``'s though they read the same."""
    packages = {base.__module__.partition(".")[0] for base in found.__mro__}
    if "lightning" in packages and "pytorch_lightning" not in packages:
        raise InputError(
            f"Expected {where} to be a class of pytorch_lightning, as train.py's Trainer is, but {found.__qualname__} "
            "is one of lightning; import pytorch_lightning where it is defined, or attach MINERegularizer, which "
            "works under both, to your own Trainer."
        )


def known(keys: Iterable[str], allowed: Iterable[str], where: str) -> None:
    """Check that each key is allowed.

    Raises:
        InputError: for the first one that is not, with the nearest that is.
    """
    allowed = list(allowed)
    for key in keys:
        if key not in allowed:
            raise InputError(
                f"Expected one of the keys of {where} but got {key!r}{_did_you_mean(str(key), allowed) or ';'} "
                f"it has: {', '.join(allowed)}."
            )


def _did_you_mean(name: str, candidates: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
