"""Finding and merging YAML files.

Merging is by key: later files and overrides win, ``null`` takes a key off, a list replaces a list. Where a
``class_path`` changes, the ``init_args`` of the old class go. A file may name another one that it is merged into, by
the key ``base``: what several experiments share is written once, in ``configs/recipes/``. An overlay whose networks
fit one data set alone names its datamodule by the key ``made_for``; what it changes for one host alone, or for
experiments with a term, stands under the key ``where``, by the host's class or ``mine``.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import yaml

from mine_lightning.errors import InputError

__all__ = ["config_hash", "describe", "find", "lay_over", "load", "merge", "override", "shipped"]

CONFIGS = Path(__file__).parents[2] / "configs"

# what says where and on what a run ran, not what it computed
_NOT_HASHED = {
    "seed_everything": None,
    "output": None,
    "data": ("root", "allow_bundled"),
    "mine": (),
    "trainer": ("accelerator", "devices", "num_nodes", "strategy", "precision", "enable_progress_bar", "logger"),
}


# where data are decoded; at these values, which hashes had before it was found that they count for nothing
_ANYWHERE = {"cache": True, "workers": 2}


class _Loader(yaml.SafeLoader):
    """YAML in which ``1e-3`` is a number: by YAML 1.1 alone it is a string."""


_Loader.yaml_implicit_resolvers = copy.deepcopy(yaml.SafeLoader.yaml_implicit_resolvers)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def parse_yaml(text: str) -> Any:
    """Return what YAML says, of a file or of a value on the command line.

    ``1e-3`` is a number, and ``batch:`` in a list is the capture, where YAML sees a mapping of batch to nothing. Of a
    mapping from numbers, such as beta over epochs, the keys are floats, also where JSON wrote them as words.

    Raises:
        yaml.YAMLError: if it is none.
    """
    return _meant(yaml.load(text, _Loader))


def _meant(value: Any) -> Any:
    if isinstance(value, dict):
        inner = {key: _meant(value) for key, value in value.items()}
        return {float(key): value for key, value in inner.items()} if _from_numbers(inner) else inner
    if not isinstance(value, list):
        return value
    return [f"{next(iter(e))}:" if isinstance(e, dict) and list(e.values()) == [None] else _meant(e) for e in value]


def _from_numbers(value: dict[Any, Any]) -> bool:
    """Return whether the keys of a mapping are numbers, which are no names that could be merged or overridden."""
    try:
        return bool(value) and all(math.isfinite(float(key)) for key in value)
    except (TypeError, ValueError):
        return False


def shipped() -> list[Path]:
    """Return the experiments' configs, by name."""
    return sorted(CONFIGS.glob("*.yaml"))


def overlays() -> list[Path]:
    """Return the overlays' configs, by name."""
    return sorted((CONFIGS / "overlays").glob("*.yaml"))


def describe(path: Path) -> str:
    """Return the first comment line of a config: what it is."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ") if first.startswith("#") else ""


def find(name: str, beside: Path | None = None) -> Path:
    """Return the file that ``--config`` means: a path, or a bare name in configs/ or configs/overlays/.

    Args:
        name: what was given.
        beside: of a ``base``, the file that names it: its folder comes first, and it is not its own base.

    Raises:
        InputError: if there is none, with the nearest names.
    """
    for folder in (Path() if beside is None else beside.parent, CONFIGS, CONFIGS / "overlays"):
        for candidate in (folder / name, folder / f"{name}.yaml"):
            if candidate.is_file() and not (beside is not None and candidate.resolve() == beside.resolve()):
                return candidate
    known = [path.stem for path in (*shipped(), *sorted((CONFIGS / "overlays").glob("*.yaml")))]
    known += [f"recipes/{path.stem}" for path in sorted((CONFIGS / "recipes").glob("*.yaml"))]
    near = difflib.get_close_matches(name.removesuffix(".yaml"), known, n=3, cutoff=0.4) or known
    raise InputError(
        f"Expected a YAML file or the name of one in {CONFIGS} but there is no {name!r}; nearest: {', '.join(near)}."
    )


def load(path: Path) -> dict[str, Any]:
    """Read one YAML file, merged into the one that its key ``base`` names, if it has one.

    Raises:
        InputError: if it is no YAML, or no mapping, or its base is none, or leads back to it.
    """
    config = _load(path, ())
    for of_overlays in ("made_for", "where"):
        config.pop(of_overlays, None)
    return config


def lay_over(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a file merged over a config, as :func:`merge` does.

    Raises:
        InputError: if the file is made for another data set of this package than the config's, or can't be read.
    """
    over = _load(path, ())
    made_for, where = over.pop("made_for", None), over.pop("where", None) or {}
    package, short = _class_in(config, "data")
    ours = package.partition(".")[0] in ("", "mine_lightning")  # whoever brings data of their own knows if it fits
    if made_for is not None and short is not None and ours and short != made_for:
        raise InputError(
            f"Expected an experiment on {made_for} under {path.stem} but got one on {short}; its networks don't fit, "
            "leave it out."
        )
    if not isinstance(where, dict):
        raise InputError(f"Expected where in {path} to be keyed by hosts' classes but got {where!r}; write ALI: ...")
    merged = merge(config, over)
    for name, more in where.items():
        if name == _class_in(config, "model")[1] or (name == "mine" and config.get("mine")):
            merged = merge(merged, more)
    return merged


def _class_in(config: dict[str, Any], section: str) -> tuple[str, str | None]:
    """Return the package and the name of a section's class, the name None where it has none."""
    node = config.get(section)
    name = node.get("class_path") if isinstance(node, dict) else None
    package, _, short = name.rpartition(".") if isinstance(name, str) else ("", "", None)
    return package, short


def _load(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Read a file that stands under those in ``above``."""
    config = _read(path)
    if "base" not in config:
        return config
    name = config.pop("base")
    if not isinstance(name, str):
        raise InputError(f"Expected base in {path} to name a config but got {name!r}; write recipes/NAME.")
    base = find(name, beside=path)
    if base.resolve() in (path.resolve(), *above):
        raise InputError(f"Expected base in {path} to lead to a config without one but {name} leads back; correct it.")
    return merge(_load(base, (*above, path.resolve())), config)


def _read(path: Path) -> dict[str, Any]:
    try:
        config = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"Expected YAML in {path} but it can't be read: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict):
        raise InputError(f"Expected keys such as model, data and trainer in {path} but got {type(config).__name__}.")
    return config


def merge(base: Any, over: Any) -> Any:
    """Return ``over`` merged into ``base``, both left as they are.

    Of two classes the arguments of one are no arguments of the other: ``over``'s alone count. A base may leave the
    class open. Of two mappings from numbers, such as beta over epochs, ``over``'s counts as a whole.
    """
    if not isinstance(base, dict) or not isinstance(over, dict) or _from_numbers(base) or _from_numbers(over):
        return copy.deepcopy(over)
    if "class_path" in base and not _one_class(over.get("class_path", base["class_path"]), base["class_path"]):
        return copy.deepcopy(over)
    merged = dict(base)
    for key, value in over.items():
        merged[key] = merge(base.get(key), value)
    return merged


def override(config: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted path in a config; ``init_args`` need not be written.

    Raises:
        InputError: if the path goes through something that has no keys.
    """
    *parents, last = path.split(".")
    node: Any = config
    for name in parents:
        node = _inside(node, name)
        node = node.setdefault(name, {}) if isinstance(node, dict) else node
        if not isinstance(node, dict) or _from_numbers(node):
            raise InputError(
                f"Expected --{path} to name a key but {name!r} in it is {node!r} and has none; set {name!r} as a whole."
            )
    node = _inside(node, last)
    if last == "class_path" and not _one_class(node.get(last), value):
        node.pop("init_args", None)
    node[last] = merge(node.get(last), value)


def config_hash(written: dict[str, Any], resolved: dict[str, Any]) -> str:
    """Return 12 hex digits that stand for what a config computes: not for its seed, its paths or its hardware.

    A seed of the data or of the term counts where it is written: with it a run is not that of ``seed_everything``.

    The arguments of this package's classes count with their defaults, but for None, which is as good as no argument: a
    class may get one that changes nothing by default, and its runs keep their hash. Of other classes and of the Trainer
    just those that are written count: their defaults come and go with versions of torch and Lightning. A class of this
    package or of torch counts without its module, which may move, and which jsonargparse spells out or not by version.
    A run's own ``config.yaml``, in which all defaults are written, has another hash than the config it was made of.

    Args:
        written: the merged config.
        resolved: the same with the defaults of all classes filled in, as plain data.
    """
    kept: dict[str, Any] = _counting(written, resolved)
    named = written.get("trainer") or {}
    counted, offered = kept.get("trainer", {}), resolved.get("trainer", {})
    kept["trainer"] = {key: counted.get(key) for key in named if key in offered}  # the Trainer's null may be no default
    for key, inner in _NOT_HASHED.items():
        if inner is None:
            kept.pop(key, None)
        elif kept.get(key):
            seeds = () if "seed" in _arguments(written.get(key)) else ("seed",)
            kept[key] = _with(kept[key], (*inner, *seeds), _ANYWHERE if key == "data" else {})
        else:
            kept[key] = None
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _counting(written: Any, resolved: Any) -> Any:
    """Return the resolved config less the defaults of other packages' classes."""
    if isinstance(resolved, list):
        entries = written if isinstance(written, list) else []
        return [_counting(entries[i] if i < len(entries) else None, value) for i, value in enumerate(resolved)]
    if not isinstance(resolved, dict):
        return resolved
    given = written if isinstance(written, dict) else {}
    if not str(resolved.get("class_path", "mine_lightning.")).startswith("mine_lightning."):
        arguments, named = resolved.get("init_args") or {}, given.get("init_args") or {}
        chosen = {key: _counting(named[key], value) for key, value in arguments.items() if key in named}
        more = {"dict_kwargs": given["dict_kwargs"]} if given.get("dict_kwargs") else {}
        return {"class_path": _short(resolved["class_path"]), "init_args": chosen, **more}
    counted = {key: _counting(given.get(key), value) for key, value in resolved.items() if value is not None}
    if isinstance(counted.get("class_path"), str):
        counted["class_path"] = _short(counted["class_path"])
    return counted


def _short(class_path: str) -> str:
    """Return ``torch.Adam`` for ``torch.optim.adam.Adam`` and for ``torch.optim.Adam``; a user's class as it is."""
    package, name = class_path.partition(".")[0], class_path.rpartition(".")[2]
    return f"{package}.{name}" if package in ("mine_lightning", "torch") else class_path


def _one_class(a: Any, b: Any) -> bool:
    """Return whether two names are of one class: with its module, the package's or torch's alone, or without any."""
    if not isinstance(a, str) or not isinstance(b, str):
        return a == b
    a, b = _short(a), _short(b)
    if "." in a and "." in b:
        return a == b
    return a.rpartition(".")[2] == b.rpartition(".")[2]


def _arguments(section: Any) -> dict[str, Any]:
    """Return the arguments in a section, which is that of a class or has them itself."""
    section = section if isinstance(section, dict) else {}
    return (section["init_args"] or {}) if "init_args" in section else section


def _with(section: dict[str, Any], less: tuple[str, ...], at: dict[str, Any]) -> dict[str, Any]:
    """Return a section less some of its arguments, others at a value of their own."""
    if "init_args" in section:
        return {**section, "init_args": _with(section["init_args"] or {}, less, at)}
    return {key: at.get(key, value) for key, value in section.items() if key not in less}


def _inside(node: dict[str, Any], name: str) -> dict[str, Any]:
    """Return where a key of a config node lives: in its init_args where the node is a class."""
    if "class_path" in node and name not in ("class_path", "init_args"):
        if node.get("init_args") is None:
            node["init_args"] = {}
        if not isinstance(node["init_args"], dict):
            raise InputError(f"Expected init_args of {node['class_path']} to have keys but got {node['init_args']!r}.")
        return node["init_args"]
    return node
