"""MkDocs hook: what lies outside of ``docs/`` and belongs to the site: pictures, the notebook, links, public names."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "gallery", "linked", "names", "on_files", "on_page_markdown", "outside"]

ROOT = Path(__file__).parents[2]


def outside() -> list[str]:
    """Return the files outside of ``docs/`` that the site carries, as paths from the repository's root."""
    found = [*ROOT.glob("results/pictures/*.png"), *ROOT.glob("notebooks/*.ipynb")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def gallery() -> str:
    """Return the gallery in Markdown: every picture of the kept results, under the title that RESULTS.md gives it."""
    titles = {path: title for title, path in re.findall(r"!\[(.*?)\]\((.*?)\)", (ROOT / "RESULTS.md").read_text())}
    pictures = [path for path in outside() if path.endswith(".png")]
    order = [*(path for path in titles if path in pictures), *(path for path in pictures if path not in titles)]
    return "\n\n".join(f"## {_title(path, titles)}\n\n[![{_title(path, titles)}]({path})]({path})" for path in order)


def _title(path: str, titles: dict[str, str]) -> str:
    return titles.get(path, Path(path).stem)


def names() -> str:
    """Return the package's public names in Markdown, each a link to its place in the reference."""
    tree = ast.parse((ROOT / "mine_lightning" / "__init__.py").read_text())
    (listed,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__")
    return "\n".join(f"* [`{name}`][mine_lightning.{name}]" for name in sorted(ast.literal_eval(listed), key=str.lower))


def linked(markdown: str) -> str:
    """Return Markdown whose links to a program of ``examples/`` lead to its place on the page of examples."""
    return re.sub(r"\]\(examples/(\w+)\.py\)", r"](examples.md#\1)", markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add what lies outside under its path in the repository."""
    from mkdocs.structure.files import File

    for path in outside():
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Lead links to where the site has what they mean, and fill in what is made; runs after the includes."""
    return linked(markdown).replace("<!-- gallery -->", gallery()).replace("<!-- public names -->", names())
