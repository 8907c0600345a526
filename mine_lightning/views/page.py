"""One self-contained HTML page: no script, no network, readable on a phone and in the dark."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

__all__ = [
    "HUES",
    "figure",
    "folded",
    "grid",
    "heading",
    "lead",
    "origin",
    "page",
    "png",
    "section",
    "table",
    "warnings",
]

# curves beyond these start again, dashed
HUES = 8

# the page may show pictures that it holds itself, and nothing else may be asked for
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --card: #fcfcfb; --ink: #1d1d1b; --faint: #6b6a65; --line: #dedcd5; --grid: #ebe9e3;
  --hue1: #2a78d6; --hue2: #eb6834; --hue3: #1baf7a; --hue4: #4a3aa7;
  --hue5: #5f5e59; --hue6: #c78500; --hue7: #d0558f; --hue8: #008300;
  --step1: #dbe8f7; --step2: #a9cbef; --step3: #6ba5e2; --step4: #2a78d6; --step5: #1b4f91; --step6: #0d2b54;
  --bad: #c23434;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121211; --card: #1a1a19; --ink: #f0efec; --faint: #a3a29c; --line: #3a3936; --grid: #2a2a28;
    --hue1: #3987e5; --hue2: #e0703f; --hue3: #1fae7c; --hue4: #9085e9;
    --hue5: #b5b3ab; --hue6: #d09a1f; --hue7: #d5679a; --hue8: #3fa83f;
    --step1: #12294a; --step2: #1b4579; --step3: #2563ad; --step4: #3987e5; --step5: #86b6ef; --step6: #cde2fb;
    --bad: #ee7b7b;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem 1rem 3rem; max-width: 1240px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
p { margin: .4rem 0; max-width: 75ch; }
.faint, figcaption, th { color: var(--faint); font-weight: normal; }
.grid { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
.grid.small { grid-template-columns: repeat(auto-fill, minmax(min(46%, 200px), 1fr)); }
figure { margin: 0; padding: .7rem .8rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  min-width: 0; }
.small figure { padding: .5rem; }
figcaption { font-size: .85rem; overflow-wrap: anywhere; }
figcaption b { color: var(--ink); font-weight: 600; font-size: .95rem; }
img, svg { display: block; width: 100%; height: auto; }
img { image-rendering: pixelated; border-radius: 3px; }
img.drawn { image-rendering: auto; }
svg text { fill: var(--faint); font: 11px system-ui, sans-serif; }
svg text.level { paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
svg.modes text { font-size: 7px; }
.key { display: inline-block; margin-right: .9em; white-space: nowrap; }
.key i { display: inline-block; width: 1.1em; height: 0; border-top: 3px solid; vertical-align: middle;
  margin-right: .35em; }
.key i.dashed { border-top-style: dashed; }
.swatch { display: inline-block; width: .8em; height: .8em; border: 1px solid transparent; vertical-align: -.05em;
  margin-right: .35em; }
.scroll { overflow-x: auto; }
th { vertical-align: bottom; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .28rem 1.1rem .28rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { white-space: normal; }
@media (max-width: 500px) {
  th, td { padding-right: .7rem; }
  td:first-child { white-space: normal; min-width: 7.5rem; overflow-wrap: break-word; }
}
th.number, td.number { text-align: right; }
td.long { white-space: normal; min-width: 12rem; overflow-wrap: anywhere; }
details { margin: .5rem 0; }
summary { cursor: pointer; }
pre { overflow-x: auto; font: 12.5px/1.45 ui-monospace, Menlo, Consolas, monospace; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; padding: .8rem; }
.warning { border-left: 3px solid var(--bad); padding-left: .7rem; overflow-wrap: anywhere; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole HTML document; parts are HTML, the title is text."""
    head = [
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        '<link rel="icon" href="data:,">',  # else a browser asks for one
        f"<style>{_STYLE}</style>",
    ]
    lines = ["<!doctype html>", '<html lang="en">', "<head>", *head, "</head>", "<body>", *parts, "</body>", "</html>"]
    return "\n".join(lines) + "\n"


def heading(title: str) -> str:
    """Return the page's title, which may break behind an underscore on a narrow screen."""
    return f"<h1>{_breakable(title)}</h1>"


def section(title: str, *parts: str) -> str:
    """Return a heading and what belongs under it."""
    return "\n".join([f"<section><h2>{escape(title)}</h2>", *parts, "</section>"])


def grid(figures: Iterable[str], small: bool = False) -> str:
    """Return figures side by side, as many as fit."""
    return f'<div class="grid{" small" if small else ""}">' + "\n".join(figures) + "</div>"


def figure(title: str, picture: str, caption: str = "") -> str:
    """Return a picture under its title; picture and caption are HTML."""
    return f"<figure><figcaption><b>{escape(title)}</b> {caption}</figcaption>{picture}</figure>"


def png(path: Path, words: str, drawn: bool = False) -> str:
    """Return a PNG file as a picture that the page holds itself, and in words what it shows.

    Args:
        path: of the file.
        words: what it shows.
        drawn: whether it has lines and letters, which may be blurred to fit, where samples keep their pixels.
    """
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img{" class=drawn" if drawn else ""} alt="{escape(words)}" src="data:image/png;base64,{data}">'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], long: int | None = None) -> str:
    """Return a table of text; columns behind the first are numbers, save that which holds ``long`` sentences.

    A column without a single cell is left out.
    """
    rows = list(rows)
    kept = [i for i in range(len(header)) if i == 0 or any(row[i] for row in rows)]
    header, rows = [header[i] for i in kept], [[row[i] for i in kept] for row in rows]
    kinds = ["" if i == 0 else ' class="long"' if i == long else ' class="number"' for i in range(len(header))]
    head = "".join(f"<th{kind}>{escape(cell)}</th>" for kind, cell in zip(kinds, header, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{_breakable(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def lead(told: Iterable[str]) -> str:
    """Return the line under the title, which tells where what follows comes from."""
    return f'<p class="faint">{escape(" · ".join(told))}</p>'


def warnings(sentences: Sequence[str]) -> str:
    """Return what there is to doubt, as a section that stands out; nothing where there is nothing."""
    paragraphs = (f'<p class="warning">{escape(sentence)}</p>' for sentence in sentences)
    return section("Warnings", *paragraphs) if sentences else ""


def origin(config: str, versions: Mapping[str, str]) -> list[str]:
    """Return what a run was made from, folded: its config and the versions of its packages."""
    shown = [folded("Config", f"<pre>{escape(config)}</pre>")] if config else []
    return shown + ([folded("Versions", table(("package", "version"), versions.items()))] if versions else [])


def folded(title: str, content: str) -> str:
    """Return HTML that opens on a click."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _breakable(text: str) -> str:
    """Return text as HTML that may break behind an underscore on a narrow screen."""
    return escape(text).replace("_", "_<wbr>")
