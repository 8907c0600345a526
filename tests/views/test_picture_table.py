"""Pictures of several runs in one: each at its place, and none missing in silence."""

import pytest
from PIL import Image

from mine_lightning.errors import InputError
from mine_lightning.views.picture_table import picture_table

COLOURS = {"a": [(255, 0, 0), (0, 255, 0)], "b": [(0, 0, 255), (0, 0, 0)]}


def test_every_picture_lies_in_its_row_and_column(tmp_path):
    rows = {}
    for title, colours in COLOURS.items():
        rows[title] = [tmp_path / f"{title}{number}.png" for number in range(len(colours))]
        for path, colour in zip(rows[title], colours, strict=True):
            Image.new("RGB", (30, 30), colour).save(path)
    table = picture_table(rows, ["1", "2"], side=20).convert("RGB")
    assert table.size == (2 * 26 + 6, 16 + 2 * 42)
    for row, colours in enumerate(COLOURS.values()):
        for column, colour in enumerate(colours):
            left, top = 6 + 26 * column, 16 + 42 * row + 16
            seen = {table.getpixel((left + x, top + y)) for x in range(20) for y in range(20)}
            assert seen == {colour}


def test_a_missing_picture_is_told(tmp_path):
    with pytest.raises(InputError, match=r"Expected a picture at .*none\.png but there is none; name steps"):
        picture_table({"a": [tmp_path / "none.png"]}, ["1"])
