"""Every mode has its square, shaded by what it got of an even share."""

import re

import pytest

from mine_lightning.views.mode_map import SHADES, mode_key, mode_map, shade


def squares(svg):
    return {
        int(level): re.findall(r"M([\d.]+) ([\d.]+)h", group)
        for level, group in re.findall(r'<g class="shade(\d)"[^>]*>(.*?)</g>', svg)
    }


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 0), (1, 1), (25, 1), (26, 2), (50, 2), (100, 3), (200, 4), (201, 5), (401, 6)]
)
def test_shades_are_shares_of_an_even_spread(count, expected):
    assert shade(count, even=100) == expected


def test_every_mode_has_its_place_in_ten_blocks():
    counts = [0] * 1000
    counts[123] = 1000
    svg = mode_map("a", counts)
    found = squares(svg)
    assert {level: len(group) for level, group in found.items()} == {0: 999, 6: 1}
    assert len(set(found[0] + found[6])) == 1000
    x, y = map(float, found[6][0])
    # block 1 of the first row; in it row 2, column 3
    assert (x, y) == (94 + 3 * 8 + 0.5, 2 * 8 + 0.5)
    assert "1 modes" in svg


def test_a_title_is_text_and_no_page():
    assert 'aria-label="a&quot;b&lt;c"' in mode_map('a"b<c', [1, 2])


def test_told_squares_say_their_number():
    counts = [0] * 1000
    counts[7] = 5
    assert "<title>mode 007: 5 samples</title>" in mode_map("a", counts, told=True)
    assert "1 of 1000 modes, 5 samples" in mode_map("a", counts, told=True)
    assert "<title>" not in mode_map("a", counts)


@pytest.mark.parametrize(("modes", "box"), [(25, "0 0 40 40"), (100, "0 0 160 40"), (7, "0 0 56 8")])
def test_other_numbers_of_modes_stand_row_by_row(modes, box):
    svg = mode_map("a", [1] * modes)
    assert f'viewBox="{box}"' in svg
    assert len(squares(svg)[3]) == modes


def test_nothing_at_all_is_drawn_hollow():
    assert len(squares(mode_map("a", [0] * 25))[0]) == 25


def test_the_key_has_every_shade():
    assert mode_key().count('class="swatch"') == len(SHADES) + 2
