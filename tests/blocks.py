"""Code blocks of Markdown pages, and how one is run."""

import contextlib
import io
import re
import warnings

import torch


def blocks(text, language):
    """Return the fenced blocks of a language, without those that an include fills."""
    found = re.findall(rf"^```{language}\b[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for block in found if "{%" not in block]


def run(block, name, namespace=None):
    """Run Python as a reader would who copies it; return what it printed."""
    torch.manual_seed(0)
    out = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(out):
        warnings.simplefilter("ignore")
        exec(compile(block, name, "exec"), {"__name__": "page"} if namespace is None else namespace)
    return out.getvalue()
