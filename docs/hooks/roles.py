"""Griffe extension: Sphinx's roles in docstrings become Markdown, and a name is documented where it is defined."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["Roles", "markdown"]

_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. math::(?P<body>(?: .*)?\n(?:(?P=indent) +\S.*\n|\n(?=(?P=indent) +\\))*)", re.M
)
_INLINE = re.compile(r":math:`([^`]*)`")
_LINK = re.compile(r":(?:class|func|meth|mod|attr):`(?P<path>mine_lightning(?:\.\w+)+)`")
_NAME = re.compile(r":(?:class|func|meth|mod|attr):(`[^`]*`)")


def markdown(docstring: str) -> str:
    """Return a docstring with formulas between dollars, and full paths as links; short names become code."""
    text = _BLOCK.sub(_display, docstring + "\n")
    text = _INLINE.sub(lambda found: f"${_one_line(found[1])}$", text)
    text = _LINK.sub(lambda found: f"[`{found['path'].rpartition('.')[2]}`][{found['path']}]", text)
    return _NAME.sub(r"\1", text).rstrip("\n")


def _display(found: re.Match[str]) -> str:
    return f"\n{found['indent']}$${_one_line(found['body'])}$$\n\n"


def _one_line(formula: str) -> str:
    return " ".join(formula.split())


class Roles(griffe.Extension):
    """Rewrite each docstring as it is collected from the source; nothing is imported."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        _once(pkg)


def _once(package: griffe.Module) -> None:
    """Put the modules that a package exports from first, and document what they define there alone."""
    if package.is_init_module:
        imported = [package.members[str(name)] for name in package.exports or ()]
        imported = sorted((alias for alias in imported if alias.is_alias), key=lambda alias: alias.alias_lineno)
        paths = [alias.target_path.removeprefix(f"{package.path}.").split(".") for alias in imported]
        order = dict.fromkeys([path[0] for path in paths] + list(package.members))
        package.members = {name: package.members[name] for name in order if name in package.members}
        package.exports = None
    for module in package.modules.values():
        if not module.is_alias:
            _once(module)
