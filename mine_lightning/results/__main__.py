"""The command line of this room; its package says what it takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mine_lightning.errors import InputError
from mine_lightning.results.campaign import run
from mine_lightning.results.compare import compare
from mine_lightning.results.document import write
from mine_lightning.results.drawings import draw
from mine_lightning.results.pictures import pictures
from mine_lightning.results.sweep import sweep
from mine_lightning.results.tables import RESULTS, keep
from mine_lightning.results.workspace import make

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if not words:
            _tell(*write(RESULTS.parent))
        elif words[0] in _COMMANDS:
            _COMMANDS[words[0]](words[1:])
        else:
            raise InputError(
                f"Expected one of {', '.join(_COMMANDS)}, or nothing, but got {words[0]!r}; "
                "`pydoc mine_lightning.results` says what each takes."
            )
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _keep(words: Sequence[str]) -> None:
    runs = [word for word in words if word != "--replace"]
    if len(runs) != 1:
        raise InputError(f"Expected `keep RUN_DIR` but got {len(words)} words after keep; name one run folder.")
    _tell(keep(Path(runs[0]), replace="--replace" in words))


def _tell(*made: object) -> None:
    for one in made:
        print(one)


_COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "run": run,
    "keep": _keep,
    "compare": lambda words: _tell(compare(words)),
    "pictures": lambda words: _tell(pictures(words)),
    "draw": lambda words: _tell(draw(words)),
    "sweep": sweep,
    "workspace": lambda words: _tell(*make(words)),
}


if __name__ == "__main__":
    sys.exit(main())
