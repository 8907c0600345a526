"""``python train.py``: from the command line and YAML files to a finished run folder.

* ``arguments``: what was typed.
* ``configs``: finding and merging YAML files; ``checks``: names that do not exist, with the nearest that do.
* ``build``: objects from a config, by Lightning's own parser.
* ``trainings``, ``studies``, ``estimates``: each one run from start to end; ``main``: which of them was asked for.
* ``trainer``: the Trainer of a run; ``announcements``: what a training says in the terminal.
"""

from mine_lightning.cli.main import main

__all__ = ["main"]
