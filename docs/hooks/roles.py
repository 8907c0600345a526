"""Griffe extension: Sphinx's roles in docstrings become Markdown, and a name is documented where it is defined."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["Roles", "markdown"]

_BLOCK = re.compile(r"^(?P<indent> *)\.\. math::(?P<body>(?: .*)?\n(?:(?P=indent) +\S.*\n|\n(?=(?P=indent) +\\))*)", re.M)
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
    """Let a package not export what its modules define, which would be documented twice, but put those modules first."""
    if package.is_init_module:
        exported = [str(name) for name in package.exports or ()]
        first = [package.members[name].target_path.split(".") for name in exported if package.members[name].is_alias]
        depth = len(package.path.split("."))
        names = dict.fromkeys([path[depth] for path in first if len(path) > depth + 1] + list(package.members))
        package.members = {name: package.members[name] for name in names if name in package.members}
        package.exports = None
    for module in package.modules.values():
        if not module.is_alias:
            _once(module)
