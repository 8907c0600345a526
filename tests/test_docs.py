"""The documentation says what is so: its code runs, its includes, links, names and pictures exist, and the site builds."""

import ast
import importlib.util
import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
import yaml
from blocks import blocks, run
from browser import Browser, needs_chromium

import mine_lightning
from mine_lightning.cli import configs
from mine_lightning.cli.checks import check_names

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text() for path in sorted(DOCS.rglob("*.md"))}
CODE = [name for name, text in PAGES.items() if blocks(text, "python")]
INCLUDE = re.compile(r"{%\s*include(?:-markdown)? \"(.*?)\"(.*?)%}", re.DOTALL)


def hook(name):
    """Return a module of ``docs/hooks``."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / "hooks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nav(entry):
    """Return the pages of an entry of the navigation."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in nav(part)]


def within(part, whole):
    """Return whether a config says nothing that another does not say too."""
    if isinstance(part, dict):
        return all(within(value, whole[key]) for key, value in part.items())
    return all(entry in whole for entry in part) if isinstance(part, list) else part == whole


def referenced():
    """Return the modules and packages that the reference documents, with all that is below them."""
    return re.findall(r"^::: ([\w.]+)$", "\n".join(PAGES.values()), re.MULTILINE)


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch, tmp_path):
    """Code of a page writes into a folder of its own, opens no window, and leaves Lightning's log as loud as it was."""
    lightning = logging.getLogger("pytorch_lightning")
    level = lightning.level
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(matplotlib.rcParams, "backend", "agg")
    yield
    lightning.setLevel(level)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("page", CODE)
def test_a_pages_python_runs_from_top_to_bottom(page):
    namespace = {"__name__": "page"}
    for block in blocks(PAGES[page], "python"):
        run(block, page, namespace)


def test_the_host_that_a_page_writes_is_one_that_train_py_takes():
    namespace = {"__name__": "page"}
    run(blocks(PAGES["adding_a_host.md"], "python")[0], "adding_a_host.md", namespace)
    assert "test_step" in vars(namespace["PointGAN"])  # a run is tested at its end


def test_yaml_blocks_name_classes_and_arguments_that_exist():
    (block,) = blocks(PAGES["adding_a_host.md"], "yaml")
    check_names(yaml.safe_load(block))  # raises where there is none
    assert within(yaml.safe_load(block), configs.load(configs.find("gan_stacked_mnist")))


def test_the_navigation_has_every_page_once_and_no_other():
    text = (ROOT / "mkdocs.yml").read_text()
    assert sorted(nav(yaml.safe_load(text)["nav"])) == sorted(PAGES)


@pytest.mark.parametrize("page", [name for name, text in PAGES.items() if INCLUDE.search(text)])
def test_what_a_page_includes_is_there_and_is_one_place(page):
    for path, options in INCLUDE.findall(PAGES[page]):
        text = (DOCS / path).read_text()
        marks = dict(re.findall(r"(start|end)=\"(.*?)\"", options))
        for mark in marks.values():
            assert len(re.findall(rf"^{re.escape(mark)}$", text, re.MULTILINE)) == 1, mark
            assert text.count(f"\n{mark}\n") == 1 or text.startswith(mark)
        if "end" in marks:
            assert text.index(marks["start"]) < text.index(marks["end"])


def test_every_section_of_the_readme_is_in_the_site():
    included = [
        dict(re.findall(r"(start|end)=\"(.*?)\"", o))
        for p, o in INCLUDE.findall("".join(PAGES.values()))
        if "README" in p
    ]
    readme = (ROOT / "README.md").read_text()
    shown = "".join(readme[readme.index(m["start"]) : readme.index(m["end"])] for m in included)
    missing = [title for title in re.findall(r"^##+ .*$", readme, re.MULTILINE) if title not in shown]
    assert missing == [
        "## Results",
        "## Documentation",
        "## Development",
    ]  # RESULTS.md has the tables; the rest is for who writes code


def test_every_room_and_every_public_name_is_in_the_reference():
    package = Path(mine_lightning.__file__).parent
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    modules = referenced()
    assert {f"mine_lightning.{room}" for room in rooms - {"__init__"}} == set(modules)
    for name in mine_lightning.__all__:
        place = getattr(mine_lightning, name).__module__
        assert any(f"{place}.".startswith(f"{module}.") for module in modules)
        exported = next(
            node
            for node in ast.walk(ast.parse(Path(sys.modules[place].__file__).read_text(encoding="utf-8")))
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        )
        assert name in ast.literal_eval(exported.value)  # the reference shows what a module exports
    assert hook("outside").names().count("[mine_lightning.") == len(mine_lightning.__all__)


def test_every_picture_of_the_results_is_in_the_gallery_and_exists():
    outside = hook("outside")
    shown = re.findall(r"\]\((.*?\.png)\)\]", outside.gallery())
    assert sorted(shown) == [path for path in outside.outside() if path.endswith(".png")]
    assert len(shown) == len(list((ROOT / "results" / "pictures").glob("*.png")))
    for text in (*PAGES.values(), (ROOT / "RESULTS.md").read_text(), (ROOT / "README.md").read_text()):
        for path in re.findall(r"!\[.*?\]\((.*?)\)", text):
            assert (ROOT / path).is_file(), path


def test_links_of_the_readme_to_examples_lead_to_the_page_of_examples():
    outside = hook("outside")
    assert outside.linked("[`a`](examples/vae.py) and [b](RESULTS.md)") == "[`a`](examples.md#vae) and [b](RESULTS.md)"
    for path in (ROOT / "examples").glob("*.py"):
        assert f"{{ #{path.stem} }}" in PAGES["examples.md"]
        assert f'"../examples/{path.name}"' in PAGES["examples.md"]


def test_the_roles_of_docstrings_become_markdown():
    pytest.importorskip("griffe", reason="needs the documentation's tools: pip install -e '.[docs]'")
    markdown = hook("roles").markdown
    assert markdown("See :class:`mine_lightning.MINE`.") == "See [`MINE`][mine_lightning.MINE]."
    assert markdown("Call :meth:`arm`; :math:`\\sigma`.") == "Call `arm`; $\\sigma$."
    block = "A\n\n    .. math:: a_b,\n              c\n\n    Text."
    assert re.sub(r"\n+", "|", markdown(block)) == "A|    $$a_b, c$$|    Text."


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly: a warning of any of its tools is an error."""
    for tool in ("mkdocs", "material", "mkdocstrings_handlers", "latex2mathml"):
        pytest.importorskip(tool, reason="needs the documentation's tools: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_has_every_page_and_every_name_and_nothing_is_left_unfilled(site):
    pages = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    assert len(pages) == len(PAGES) + 1  # and the page for what is not found
    for text in pages.values():
        assert not re.findall(r"<(?:script|img|iframe|source)[^>]* src=\"?(?:https?:)?//", text)
        assert not re.findall(r"<link[^>]* href=\"?(?:https?:)?//", text)
        assert not re.search(r":(?:class|func|meth|mod|math):|\.\. math::|{%|<!-- (?:gallery|public names)", text)
        assert "arithmatex" not in text
    reference = "".join(text for name, text in pages.items() if name.startswith("api/"))
    for name in mine_lightning.__all__:
        assert reference.count(f'id="{getattr(mine_lightning, name).__module__}.{name}"') == 1
    assert "<math" in pages["api/bounds.html"]
    for source in re.findall(r"<img[^>]* src=\"(.*?)\"", pages["gallery.html"]):
        assert (site / source).stat().st_size > 5000


@needs_chromium
def test_pages_fit_a_phone_and_ask_for_nothing_from_outside(site, tmp_path):
    with Browser(tmp_path / "profile") as browser:
        for page in ("choosing", "RESULTS", "gallery", "api/regularizer"):
            browser.open(site / f"{page}.html", width=390)
            assert all(url.startswith(("file:", "data:")) for url in browser.requests)
            assert browser.complaints == []
            assert browser.evaluate("document.documentElement.scrollWidth") <= 390
            loaded = "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
            assert browser.evaluate(loaded)


class TestTheNotebook:
    CELLS = json.loads((ROOT / "notebooks" / "first_steps.ipynb").read_text())["cells"]

    def test_it_runs_in_order(self):
        code = ["".join(cell["source"]) for cell in self.CELLS if cell["cell_type"] == "code"]
        assert sum("EPOCHS = 10\n" in cell for cell in code) == 1
        namespace = {"__name__": "notebook"}
        said = "".join(run(cell.replace("EPOCHS = 10\n", "EPOCHS = 2\n"), "notebook", namespace) for cell in code)
        value = float(re.search(r"([\d.]+) ± ", said).group(1))
        assert value == pytest.approx(0.51, abs=0.06)
        assert len(namespace["bottleneck"].mi) == 2
        assert namespace["bottleneck"].mi[-1] < namespace["watched"].mi[-1]

    def test_what_it_shows_came_from_running_it_from_top_to_bottom(self):
        cells = [cell for cell in self.CELLS if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
        outputs = [output for cell in cells for output in cell["outputs"]]
        assert not any(output["output_type"] == "error" or output.get("name") == "stderr" for output in outputs)
        assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
        text = "".join("".join(output.get("text", "")) for output in outputs)
        watched, bottleneck = (float(value) for value in re.findall(r"I\(x; z\) +([\d.]+) nats", text))
        assert bottleneck < watched  # as the text below says
        for name in re.findall(r"`(docs/\S+?|examples)/?`", "".join(map("".join, (c["source"] for c in self.CELLS)))):
            assert (ROOT / name).exists()
