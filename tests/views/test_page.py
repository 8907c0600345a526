"""The page holds all it shows, and text stays text."""

import base64

from PIL import Image

from mine_lightning.views.page import figure, folded, grid, heading, lead, origin, page, png, section, table, warnings


def test_a_page_forbids_every_request_and_escapes_its_title():
    html = page("a < b", ["<p>part</p>"])
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html
    assert "<title>a &lt; b</title>" in html
    assert "<p>part</p>" in html
    for word in ("<script", "http://", "https://", "@import", "url("):
        assert word not in html


def test_a_picture_is_inside_of_the_page(tmp_path):
    Image.new("RGB", (3, 2), (9, 8, 7)).save(tmp_path / "a.png")
    html = png(tmp_path / "a.png", 'of "a"')
    assert 'alt="of &quot;a&quot;"' in html
    data = html.partition("base64,")[2].partition('"')[0]
    assert base64.b64decode(data) == (tmp_path / "a.png").read_bytes()


def test_a_table_escapes_aligns_and_drops_what_is_empty():
    html = table(("metric", "none", "value"), [("a<b", "", "1"), ("c", "", "2")])
    assert "<td>a&lt;b</td>" in html
    assert '<td class="number">2</td>' in html
    assert "none" not in html
    assert '<td class="long">words</td>' in table(("a", "b"), [("1", "words")], long=1)


def test_parts_stand_in_one_another():
    assert section("A & B", "x", "y") == "<section><h2>A &amp; B</h2>\nx\ny\n</section>"
    assert grid(["a", "b"], small=True) == '<div class="grid small">a\nb</div>'
    assert "<b>t</b> <i>c</i>" in figure("t", "<svg/>", "<i>c</i>")
    assert folded("more", "text").startswith("<details><summary>more</summary>text")
    assert warnings(["a < b"]) == '<section><h2>Warnings</h2>\n<p class="warning">a &lt; b</p>\n</section>'
    assert warnings([]) == ""
    assert lead(["1 < 2", "b"]) == '<p class="faint">1 &lt; 2 · b</p>'


def test_names_may_break_behind_an_underscore():
    assert heading("a_b") == "<h1>a_<wbr>b</h1>"
    assert "<td>a_<wbr>b</td>" in table(("name", "value"), [("a_b", "1")])


def test_origin_is_config_and_versions_where_there_are_any():
    assert origin("", {}) == []
    config, versions = origin("a: <1", {"torch": "2.5"})
    assert "<pre>a: &lt;1</pre>" in config
    assert "2.5" in versions
