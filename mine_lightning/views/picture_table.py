"""Pictures of several runs at several steps, side by side in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mine_lightning.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["picture_table"]

_GAP, _TITLE = 6, 16  # pixels


def picture_table(rows: Mapping[str, Sequence[Path]], columns: Sequence[str], side: int = 200) -> Image:
    """Return one picture in 16 colours: a row of pictures under each title, and what each column is above the first.

    Args:
        rows: title to pictures, one for each column.
        columns: titles.
        side: pixels of each picture's side.

    Raises:
        InputError: if a picture is missing.
    """
    from PIL import Image, ImageDraw

    missing = [path for paths in rows.values() for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"Expected a picture at {missing[0]} but there is none; name steps at which the run was evaluated."
        )
    width = len(columns) * (side + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _TITLE + len(rows) * (_TITLE + side + _GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    lefts = [_GAP + place * (side + _GAP) for place in range(len(columns))]
    for left, column in zip(lefts, columns, strict=True):
        pen.text((left, 2), column, fill="black")
    for number, (title, paths) in enumerate(rows.items()):
        top = _TITLE + number * (_TITLE + side + _GAP)
        pen.text((_GAP, top + 2), title, fill="black")
        for left, path in zip(lefts, paths, strict=True):
            with Image.open(path) as picture:
                sheet.paste(picture.convert("RGB").resize((side, side), Image.Resampling.BOX), (left, top + _TITLE))
    return sheet.quantize(16, dither=Image.Dither.NONE)
