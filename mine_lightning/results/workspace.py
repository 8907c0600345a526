"""``workspace``: the W&B workspace and the comparison report of a project, by one command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from mine_lightning.cli.configs import shipped
from mine_lightning.published import published_row
from mine_lightning.views import wandb_workspace

__all__ = ["make"]


def make(words: Sequence[str], save: Callable[[Any], str] = wandb_workspace.save) -> list[str]:
    """Make a workspace and a report in a W&B project, both new ones, and return their addresses.

    Args:
        words: of the command line: ``--entity`` and ``--project``.
        save: sends one of them to the server and returns its address.

    Raises:
        InputError: without wandb-workspaces, a key or the server.
    """
    parser = argparse.ArgumentParser("python -m mine_lightning.results workspace", description=make.__doc__)
    parser.add_argument("--entity", required=True, help="a W&B user or team")
    parser.add_argument("--project", required=True, help="the project that has the runs")
    asked = parser.parse_args(words)
    rows = {path.stem: published_row(path.stem) for path in shipped()}
    published = {name: row for name, row in rows.items() if row is not None}
    views = [
        wandb_workspace.workspace(asked.entity, asked.project),
        wandb_workspace.report(asked.entity, asked.project, published),
    ]
    return [save(view) for view in views]
