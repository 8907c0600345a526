"""Pictures that are drawn from kept results alone, for ``RESULTS.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mine_lightning.errors import InputError
from mine_lightning.results.sections import BETAS
from mine_lightning.results.tables import RESULTS, load
from mine_lightning.views.bottleneck_sweep import bottleneck_sweep

__all__ = ["draw"]


def draw(words: Sequence[str], root: Path = RESULTS) -> Path:
    """Draw what the weight of the bottleneck's term does, from the kept runs of seed 0, and return the picture's place.

    Args:
        words: of the command line: none.
        root: the folder of results.

    Raises:
        InputError: for any word, or where no such run is kept.
    """
    if words:
        raise InputError(f"Expected nothing after draw but got {' '.join(words)!r}; it draws what results/ has.")
    runs = {
        float(beta): summary["metrics"]
        for summary in load(root)
        for beta in BETAS
        if [summary[key] for key in ("experiment", "protocol", "dataset", "seed")]
        == ["ib_mnist_mine_gaussian", f"ib_beta_{beta}", "mnist", 0]
    }
    if not runs:
        protocols = " ".join(f"ib_beta_{beta}" for beta in BETAS)
        raise InputError(
            f"Expected kept runs of ib_mnist_mine_gaussian over beta but there is none; for each of {protocols} give "
            "`python -m mine_lightning.results run ib_mnist_mine_gaussian --protocol ...`."
        )
    place = root / "pictures" / "ib_beta.png"
    place.parent.mkdir(parents=True, exist_ok=True)
    bottleneck_sweep(runs).savefig(place)
    return place
