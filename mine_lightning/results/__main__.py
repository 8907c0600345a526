"""The command line of this room; its package says what it takes."""

from __future__ import annotations

import sys
from pathlib import Path

from mine_lightning.errors import InputError
from mine_lightning.results.campaign import run
from mine_lightning.results.compare import compare
from mine_lightning.results.document import write
from mine_lightning.results.pictures import pictures
from mine_lightning.results.sweep import sweep
from mine_lightning.results.tables import RESULTS, keep
from mine_lightning.results.workspace import make

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if words[:1] == ["keep"] and len(words) == 2:
            print(keep(Path(words[1])))
        elif words[:1] == ["run"]:
            run(words[1:])
        elif words[:1] == ["compare"]:
            print(compare(words[1:]))
        elif words[:1] == ["pictures"]:
            print(pictures(words[1:]))
        elif words[:1] == ["sweep"]:
            sweep(words[1:])
        elif words[:1] == ["workspace"]:
            for address in make(words[1:]):
                print(address)
        elif words:
            raise InputError(
                "Expected `run EXPERIMENT ...`, `keep RUN_DIR`, `compare RUN_DIR RUN_DIR ...`, "
                "`pictures EXPERIMENT ...`, "
                f"`sweep SWEEP.yaml`, `workspace --entity E --project P` or nothing but got {' '.join(words)!r}."
            )
        else:
            for path in write(RESULTS.parent):
                print(path)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
