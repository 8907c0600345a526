"""The rooms: who may import whom, what importing costs, and that every public thing is documented."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mine_lightning

PACKAGE = Path(mine_lightning.__file__).parent
FREE = {"claim", "denormals", "errors", "precision", "processes", "streams", "types"}  # a word that every room may use
MAY_IMPORT = {
    "claim": set(),
    "denormals": set(),
    "errors": set(),
    "precision": set(),
    "processes": set(),
    "streams": set(),
    "types": set(),
    "bounds": set(),
    "pairing": set(),
    "networks": set(),
    "data": set(),
    "metrics": {"bounds"},
    "judges": {"networks", "data"},
    "hosts": {"networks", "metrics"},
    "evaluations": {"judges", "metrics"},
    "held_out": {"bounds"},
    "batch_order": set(),
    "estimator": {"batch_order", "bounds", "held_out", "pairing", "networks"},
    "baselines": set(),
    "estimation": {"estimator", "bounds", "pairing", "networks", "views"},  # views when a figure is asked for
    "studies": {"data", "baselines", "bounds", "held_out", "networks", "estimation"},
    "regularizer": {"estimator", "batch_order", "bounds", "held_out", "pairing", "networks"},
    "lightning": {"regularizer"},
    "runs": {"__init__"},  # the version
    "views": {"metrics", "runs", "estimation", "published"},  # the type of what is drawn
    "published": set(),
    "results": {"cli", "runs", "published", "views"},
    "sharing": {"cli", "runs"},
    "cli": None,
    "__init__": None,
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """Return every module that a file names in an import, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def imports_of_plots(path):
    """Return what methods called ``plot`` import when they run: a view of what their class has."""
    plots = [node for node in ast.walk(ast.parse(path.read_text())) if getattr(node, "name", None) == "plot"]
    return {node.module for plot in plots for node in ast.walk(plot) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_what_it_may(path):
    allowed = MAY_IMPORT[room(path)]
    for module in imports(path):
        first, *rest = module.split(".")
        if first == "mine_lightning" and allowed is not None and module not in imports_of_plots(path):
            target = rest[0] if rest else "__init__"
            assert target in allowed | FREE | {room(path)}, f"{room(path)} imports {target}"
        if first in ("wandb", "wandb_workspaces", "matplotlib"):
            assert room(path) == "views"
        if room(path) in ("bounds", "claim", "pairing", "networks", "processes", "types", "errors"):
            assert first not in ("pytorch_lightning", "torchmetrics", "torchvision")


def test_importing_is_cheap_and_changes_nothing():
    code = (
        "import sys, time, pytorch_lightning, torch\n"
        "before, seed = set(sys.modules), torch.initial_seed()\n"
        "began = time.process_time()\nimport mine_lightning\ncost = time.process_time() - began\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "assert not new & {'wandb', 'sklearn', 'matplotlib', 'jsonargparse', 'rich'}, new\n"
        "assert 'wandb' not in sys.modules\n"
        "assert cost < 0.3, cost\n"
        "assert torch.initial_seed() == seed\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_opens_with_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_public_names_exist_and_are_documented():
    for name in mine_lightning.__all__:
        assert getattr(mine_lightning, name).__doc__


def test_every_module_has_its_test():
    tests = {path.name for path in Path(__file__).parent.rglob("test_*.py")}
    for path in FILES:
        if path.name != "__init__.py":
            assert f"test_{path.name}" in tests, path
