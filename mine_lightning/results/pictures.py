"""What a table's runs looked like on the way: one picture of one seed, a row for each experiment."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mine_lightning.errors import InputError
from mine_lightning.results.campaign import Planned
from mine_lightning.results.tables import RESULTS
from mine_lightning.views.picture_table import picture_table

__all__ = ["pictures"]

STEPS = [1000, 3000, 5000]


def pictures(words: Sequence[str], root: Path = RESULTS) -> Path:
    """Put what finished runs drew at some steps into one picture and return its place.

    ``results/pictures/`` has one for each first experiment of the command line: the one that RESULTS.md shows, by the
    defaults alone, else one of its own name.

    Args:
        words: of the command line: experiments, ``--steps``, ``--protocol``, ``--seed`` and ``--output``.
        root: the folder of results.

    Raises:
        InputError: if a run or one of its pictures is missing.
    """
    asked = _parse(words)
    rows = {
        experiment: [_samples(experiment, asked) / f"step-{step:06d}.png" for step in asked.steps]
        for experiment in asked.experiments
    }
    shown = asked.steps == STEPS and asked.protocol == "default" and asked.seed == 0
    steps = "-".join(str(step) for step in asked.steps)
    name = "" if shown else f"-{Path(asked.protocol).stem}-seed{asked.seed}-steps-{steps}"
    target = root / "pictures" / f"{asked.experiments[0]}{name}.png"
    table = picture_table(rows, [f"{step:,} steps" for step in asked.steps])
    target.parent.mkdir(parents=True, exist_ok=True)
    table.save(target, optimize=True)
    return target


def _samples(experiment: str, asked: argparse.Namespace) -> Path:
    """Return where the run of an experiment left its pictures."""
    folder = Planned.of(experiment, asked.protocol, asked.seed, asked.output).folder()
    if folder is None:
        over = "" if asked.protocol == "default" else f" --config {asked.protocol}"
        raise InputError(
            f"Expected a run of {experiment} with seed {asked.seed} in {asked.output} but there is none by the config "
            f"as it is now; train it with `python train.py --config {experiment}{over} --seed {asked.seed} "
            f"--output {asked.output}`."
        )
    return folder.samples


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m mine_lightning.results pictures", description=pictures.__doc__)
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT")
    parser.add_argument("--steps", nargs="+", type=int, default=STEPS)
    parser.add_argument("--protocol", default="default", help="an overlay, or default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="runs", help="where the run folders are")
    return parser.parse_args(words)
