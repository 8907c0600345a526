"""What a workspace and a report ask W&B to draw, read in what would be sent: no server is needed for that."""

import json
import socket
import sys

import pytest
from run_folders import make_run

from mine_lightning.errors import InputError
from mine_lightning.published import Number, Published
from mine_lightning.runs.record import RunRecord
from mine_lightning.views import wandb_workspace as views

ROW = Published("Our peer", {"kl": Number(0.5), "modes": Number(12, 0.5, 1)}, "Paper, Table 9")

OTHER = Published("A classifier", {"test_error_percent": Number(1.5)}, "Paper, Table 8")


@pytest.fixture
def offline(monkeypatch):
    """Views can be built, and whoever opens a connection fails."""
    pytest.importorskip("wandb_workspaces", reason="pip install wandb-workspaces")

    def refuse(*args, **kwargs):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def plain(model):
    """What would be sent, as plain data."""
    return json.loads(model.model_dump_json(by_alias=True, exclude_none=True))


def spec_of(view):
    return plain(view._to_model().spec)


def grids_of(report):
    """Its grids; as a whole a report can't be written out here, since its runs ask the server for the project's id."""
    return [block for block in report.blocks if type(block).__name__ == "PanelGrid"]


def panels_in(node):
    """Return the panels at or below a node, as (kind, config)."""
    if isinstance(node, list):
        return [panel for entry in node for panel in panels_in(entry)]
    if not isinstance(node, dict):
        return []
    own = [(node["viewType"], node["config"])] if "viewType" in node and "config" in node else []
    return own + [panel for value in node.values() for panel in panels_in(value)]


def test_every_curve_is_drawn_over_training_batches(offline):
    grids = grids_of(views.report("team", "mi", {}))
    of_report = [plain(panel._to_model()) for grid in grids for panel in grid.panels]
    for sent in (spec_of(views.workspace("team", "mi")), of_report):
        lines = [config for kind, config in panels_in(sent) if kind == "Run History Line Plot"]
        drawn = {key for config in lines for key in config.get("metrics", [])}
        assert {
            "mine/mi",
            "val/mi",
            "val/modes",
            "val/kl",
            "mine/g_u",
            "mine/g_m",
            "mine/clip",
            "train/loss_d",
        } <= drawn
        assert {config["xAxis"] for config in lines} == {"trainer/global_step"}


def test_what_a_gan_logs_is_drawn(offline, tmp_path):
    logged = {
        key for key in RunRecord.read(make_run(tmp_path / "run")).curves if key.startswith(("mine/", "val/", "train/"))
    }
    drawn = {key for panels in views.SECTIONS.values() for keys in panels.values() for key in keys}
    assert logged
    assert logged <= drawn


def test_the_workspace_has_its_sections(offline):
    spec = spec_of(views.workspace("team", "mi"))
    sections = {s["name"]: s for s in spec["section"]["panelBankConfig"]["sections"]}
    assert list(sections)[:3] == ["Mutual information", "Coverage", "Pictures"]
    assert [s["name"] for s in sections.values() if s["isOpen"]] == ["Mutual information", "Coverage", "Pictures"]
    pictures = [config["mediaKeys"] for _, config in panels_in(sections["Pictures"])]
    assert pictures == [["samples"], ["modes"], ["reconstructions"], ["interpolations"]]
    ((_, rates),) = panels_in(sections["Learning rates"])
    assert rates["metricRegex"] == "^lr($|[-/])"
    assert len(panels_in(sections["Test"])) == 8


def test_no_panel_of_the_report_covers_another(offline):
    grids = grids_of(views.report("team", "mi", {}))
    assert len(grids) == len(views.SECTIONS) + 3
    for grid in grids:
        places = [(panel.layout.x, panel.layout.y) for panel in grid.panels]
        assert len(set(places)) == len(places)
        assert all(panel.layout.x + panel.layout.w <= 24 for panel in grid.panels)
        assert [(runs.entity, runs.project) for runs in grid.runsets] == [("team", "mi")]


def test_the_report_quotes_what_was_published(offline):
    (block,) = [
        b for b in views.report("team", "mi", {"gan": ROW, "ib": OTHER}).blocks if type(b).__name__ == "MarkdownBlock"
    ]
    text = plain(block._to_model())["content"]
    head, _, row, space, other, _, _ = text.splitlines()
    assert (space, other) == ("", "| experiment | system | test_error_percent | source |")
    assert head == "| experiment | system | kl | modes | source |"
    assert row == "| gan | Our peer | 0.50 | 12.0 ± 0.5 | Paper, Table 9; read in the table |"


class View:
    """Stands for a view that the server takes, or not."""

    entity, project, url = "team", "mi", "https://wandb.test/team/mi"

    def __init__(self, error=None):
        self.error, self.saved = error, 0

    def save(self):
        self.saved += 1
        if self.error:
            raise self.error


def test_saving_returns_the_address(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setattr("mine_lightning.views.wandb_run.silence", lambda: "")
    view = View()
    assert views.save(view) == "https://wandb.test/team/mi"
    assert view.saved == 1


def test_a_refusal_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setattr("mine_lightning.views.wandb_run.silence", lambda: "")
    with pytest.raises(InputError, match=r"save team/mi but that fails \(not found here\); correct --entity") as caught:
        views.save(View(RuntimeError("not found\n  here")))
    assert "\n" not in str(caught.value)


def test_a_dead_server_is_told_before_anything_is_sent(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    view = View()
    with pytest.raises(InputError, match=r"Expected W&B's server but http://127\.0\.0\.1:9 does not answer"):
        views.save(view)
    assert view.saved == 0


def test_without_the_package_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    with pytest.raises(InputError, match=r"pip install 'mine_lightning\[workspace\]'"):
        views.workspace("team", "mi")
