"""A whole table by one command: every run that ``results/`` lacks, each taken up where it stopped.

Several such commands at once share a table: each takes the next run that no other has.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mine_lightning.claim import ClaimedError, claim
from mine_lightning.cli import arguments, configs
from mine_lightning.cli.edits import edited
from mine_lightning.cli.main import merged, planned, shipped_hash
from mine_lightning.errors import InputError, expanded
from mine_lightning.results.tables import RESULTS, keep, load
from mine_lightning.runs.folder import RunFolder

__all__ = ["Planned", "run", "shared"]

TRAIN = Path(__file__).parents[2] / "train.py"


@dataclass(frozen=True)
class Planned:
    """One run of a table.

    Attributes:
        words: its command line, behind ``train.py``.
        identity: experiment, protocol, dataset, seed and config_hash, as its folder will have them.
        output: where run folders go.
    """

    words: tuple[str, ...]
    identity: dict[str, Any]
    output: Path

    @classmethod
    def of(cls, experiment: str, protocol: str, seed: int, output: str) -> Planned:
        """Return the run of an experiment under a protocol, ``default`` being the experiment's own.

        Raises:
            InputError: if either does not exist.
        """
        names = [experiment] if protocol == "default" else [experiment, protocol]
        words = [word for name in names for word in ("--config", name)]
        return cls.told([*words, "--seed", str(seed), "--output", output])

    @classmethod
    def told(cls, words: Sequence[str]) -> Planned:
        """Return the run of a command line that names ``--config`` and ``--output``.

        Raises:
            InputError: if something in it does not exist.
        """
        request = arguments.parse(list(words))
        if not request.configs:
            raise InputError(f"Expected --config NAME in `train.py {' '.join(words)}` but there is none; name one.")
        output = expanded(str(dict(request.overrides)["output"]))  # the shell leaves the ~ of --output=~/runs
        return cls(tuple(words), planned(request), output)

    def kept(self, root: Path) -> bool:
        """Return whether ``results/`` has this run, by the config as it is now."""
        return any(_same(summary, self.identity) for summary in load(root))

    def folders(self) -> list[RunFolder]:
        """Return every run folder of this run, by name."""
        folders = [RunFolder(path.parent) for path in (self.output / self.identity["experiment"]).glob("*/run.json")]
        own = [folder for folder in folders if _same(folder.identity, self.identity)]
        return sorted(own, key=lambda folder: folder.path.name)

    def folder(self) -> RunFolder | None:
        """Return the finished run folder, else the newest that can go on, or None where there is none.

        One whose ``config.yaml`` was edited would go on as another run.
        """
        candidates = [
            folder for folder in self.folders() if folder.started and (_finished(folder) or not edited(folder))
        ]
        return max(candidates, key=lambda folder: (_finished(folder), folder.path.name), default=None)

    @contextmanager
    def claimed(self, wait: bool = False) -> Iterator[None]:
        """Keep this run for this process while the block runs.

        Args:
            wait: wait until no other process works on it.

        Raises:
            ClaimedError: if another process works on it and ``wait`` is False.
        """
        with claim(self.lock, f"the run {self.name}", wait):
            for folder in self.folders():  # a training goes on by itself where its command was killed
                with folder.claimed(wait):
                    pass
            yield

    @property
    def name(self) -> str:
        """The run in a few words, for who reads along."""
        return "{experiment}, {protocol}, {dataset}, seed {seed}".format(**self.identity)

    @property
    def lock(self) -> Path:
        """The file that stands for this run while a process works on it, before it has a folder and after."""
        name = "{protocol}-{dataset}-seed{seed}-{config_hash}".format(**self.identity)
        return self.output / self.identity["experiment"] / f".{name}.lock"

    def finish(self, train: Callable[[Sequence[str]], int] | None = None) -> Path:
        """Start the run, or go on with it, or do nothing where it has finished; return its folder.

        Args:
            train: trains by the words of one command line and returns its exit code; by default in a process of its
                own.

        Raises:
            InputError: if the training stops with an error.
        """
        folder = self.folder()
        if folder is None or not _finished(folder):
            code = (train or _train)(self.words if folder is None else ("--resume", str(folder.path)))
            folder = self.folder()
            if code or folder is None or not _finished(folder):
                raise InputError(
                    f"Expected `train.py {shlex.join(self.words)}` to finish but it stopped with exit code {code}; "
                    "mend what it says above and give the same command again, it goes on from there."
                )
        return folder.path


def run(words: Sequence[str], root: Path = RESULTS, train: Callable[[Sequence[str]], int] | None = None) -> None:
    """Train and keep every run of a table that is not in ``results/`` yet; first all rows with the first seed.

    A second such command, on another core or card, takes what the first one leaves.

    Args:
        words: of the command line: experiments, ``--protocol``, ``--seeds`` and ``--output``.
        root: the folder of results.
        train: trains by the words of one command line and returns its exit code; by default in a process of its own.
    """
    asked = _parse(words)
    table = [
        Planned.of(experiment, asked.protocol, seed, asked.output)
        for seed in asked.seeds
        for experiment in asked.experiments
    ]
    for name in (*asked.experiments, asked.protocol):
        _refuse_shadow(name)
    for one in table:
        _refuse_unnamed(asked.protocol, one)
    missing = [one for one in table if not one.kept(root)]
    for one in table:
        if one not in missing:
            print(f"{one.name}: is there", flush=True)
    for place, one in shared(missing):
        print(f"[{place + 1}/{len(missing)}] {one.name}", flush=True)
        if one.kept(root):
            print("  is there by now", flush=True)
        else:
            print(f"  kept as {keep(one.finish(train), root, replace=True)}", flush=True)


def shared(table: Sequence[Planned]) -> Iterator[tuple[int, Planned]]:
    """Yield every run and its place, each held for this process until the next is asked for.

    Those that another process works on come last: this one waits for them, and goes on with what was left unfinished.
    """
    busy = []
    for place, one in enumerate(table):
        try:
            with one.claimed():
                yield place, one
        except ClaimedError:
            busy.append((place, one))
    for place, one in busy:
        print(f"waiting for another process to finish {one.name}", flush=True)
        with one.claimed(wait=True):
            yield place, one


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m mine_lightning.results run", description=run.__doc__)
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT")
    parser.add_argument("--protocol", default="default", help="an overlay, or default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--output", default="runs", help="where run folders go")
    return parser.parse_args(words)


def _train(words: Sequence[str]) -> int:
    if words[0] != "--resume":
        config = merged(arguments.parse(list(words)))
        # one device where the config names none: a step of several has as many batches, and a row is a mean of alike
        if "model" in config and "devices" not in (config.get("trainer") or {}):
            words = [*words, "--trainer.devices", "1"]
    # a process of its own: a run leaves nothing behind for the next, and what it holds of the memory is given back
    return subprocess.run([sys.executable, str(TRAIN), *words], check=False).returncode


def _refuse_shadow(name: str) -> None:
    """Refuse a file of the current folder that is called as one of this repository, whose result it would replace."""
    if name == "default":
        return
    found = configs.find(name)
    own = {path.stem: path for path in (*configs.shipped(), *configs.overlays())}
    if found.stem in own and found.resolve() != own[found.stem].resolve():
        raise InputError(
            f"Expected {own[found.stem]} but {found.resolve()} has its name and comes first; its result would take the "
            "other's place in results/: rename it, or give the command in another folder."
        )


def _refuse_unnamed(protocol: str, one: Planned) -> None:
    """Refuse what gives its runs the name of others in this repository, whose place in results/ they would take."""
    named = shipped_hash(one.identity["experiment"], one.identity["protocol"])
    if named not in (None, one.identity["config_hash"]) or (
        protocol != "default" and one.identity["protocol"] == "default"
    ):
        source = one.identity["experiment"] if protocol == "default" else protocol
        raise InputError(
            f"Expected {configs.find(source)} to name a protocol of its own, by which results/ tells its runs from "
            f"those of the experiment's {one.identity['protocol']}, but it does not; write another `protocol: NAME` "
            "into it."
        )


def _same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(found.get(key) == value for key, value in wanted.items())


def _finished(folder: RunFolder) -> bool:
    return (folder.path / "summary.json").is_file()
