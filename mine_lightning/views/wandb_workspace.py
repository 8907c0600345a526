"""A W&B workspace and a comparison report as code: which panels, in which sections, on which axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mine_lightning.errors import InputError
from mine_lightning.published import Published
from mine_lightning.views import wandb_run

__all__ = ["SECTIONS", "report", "save", "workspace"]

# Lightning's logger puts everything on this axis: a step for each training batch, of one optimizer or of two
STEP = "trainer/global_step"

# by section, by the title of a panel: the curves in it
SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "Mutual information": {
        "I(x; z) on training batches and held out, nats": ("mine/mi", "val/mi"),
        "standard error of the held-out value, nats": ("val/mi_stderr",),
    },
    "Coverage": {
        "modes": ("val/modes",),
        "KL to the uniform, nats": ("val/kl",),
        "share of high-quality samples": ("val/high_quality",),
    },
    "Reconstruction": {
        "reconstruction error": ("val/recon_error",),
        "share of labels kept": ("val/recon_accuracy",),
        "MS-SSIM": ("val/ms_ssim",),
    },
    "Classification": {"error on held-out digits, percent": ("val/error_percent",)},
    "Losses": {"GAN": ("train/loss_d", "train/loss_g"), "classifier": ("train/loss",)},
    "Gradients of the term": {
        "norms: host's own g_u, term's g_m": ("mine/g_u", "mine/g_m"),
        "factor of the adaptive clipping": ("mine/clip",),
    },
}
PICTURES = ("samples", "modes", "reconstructions", "interpolations")
RESULTS = ("modes", "kl", "high_quality", "recon_error", "recon_accuracy", "ms_ssim", "test_error_percent")


def workspace(entity: str, project: str) -> Any:
    """Return a ``wandb_workspaces.workspaces.Workspace`` that shows this package's runs; nothing is sent.

    Args:
        entity: a W&B user or team.
        project: of its projects, the one that has the runs.

    Raises:
        InputError: without wandb-workspaces.
    """
    ws, wr = _libraries()
    sections = [
        ws.Section(name=name, panels=_lines(wr, panels), is_open=number < 2, pinned=number == 0)
        for number, (name, panels) in enumerate(SECTIONS.items())
    ]
    pictures = [wr.MediaBrowser(title=key, media_keys=[key], num_columns=1, gallery_axis="step") for key in PICTURES]
    sections.insert(2, ws.Section(name="Pictures", panels=pictures, is_open=True))
    rates = wr.LinePlot(title="learning rates", x=STEP, metric_regex="^lr($|[-/])")
    sections.append(ws.Section(name="Learning rates", panels=[rates]))
    sections.append(ws.Section(name="Test", panels=[*_bars(wr), wr.RunComparer(diff_only="split")]))
    return ws.Workspace(
        entity=entity,
        project=project,
        name="Mutual information",
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis=STEP),
        runset_settings=ws.RunsetSettings(pinned_columns=[f"summary:test/{name}" for name in RESULTS[:2]]),
    )


def report(entity: str, project: str, published: Mapping[str, Published]) -> Any:
    """Return a ``wandb_workspaces.reports.v2.Report`` that sets the runs beside each other; nothing is sent.

    Args:
        entity: a W&B user or team.
        project: of its projects, the one that has the runs.
        published: rows of published tables, by experiment, that the results are to be read beside.

    Raises:
        InputError: without wandb-workspaces.
    """
    _, wr = _libraries()
    blocks: list[Any] = [wr.TableOfContents()]

    def grid(heading: str, panels: Sequence[Any]) -> None:
        for number, panel in enumerate(panels):  # three to a row of the 24 columns
            panel.layout = wr.Layout(x=8 * (number % 3), y=6 * (number // 3), w=8, h=6)
        runs = wr.Runset(entity=entity, project=project, name="runs")
        blocks.extend([wr.H1(heading), wr.PanelGrid(runsets=[runs], panels=list(panels))])

    grid("Results on the test", [*_bars(wr), wr.RunComparer(diff_only="split")])
    blocks += [wr.H1("Published"), wr.MarkdownBlock(_published_tables(published))]
    for name, panels in SECTIONS.items():
        grid(name, _lines(wr, panels))
    grid("Pictures", [wr.MediaBrowser(title=key, media_keys=[key], num_columns=1) for key in PICTURES])
    beta = [
        wr.ScatterPlot(title=f"beta against val/{name}", x=wr.Config("mine.beta"), y=wr.SummaryMetric(f"val/{name}"))
        for name in ("kl", "mi", "error_percent")
    ]
    grid("The weight of the term", beta)
    return wr.Report(
        entity=entity,
        project=project,
        title="Runs side by side",
        description="Made by `python -m mine_lightning.results workspace`.",
        blocks=blocks,
        width="fluid",
    )


def save(view: Any) -> str:
    """Save a workspace or a report as a new one, and return its address; this needs the network and a key.

    Raises:
        InputError: without a key, without an answer from the server, or if it refuses.
    """
    if not wandb_run.has_key():
        raise InputError("Expected a W&B API key but there is none; `wandb login` asks for it, or set WANDB_API_KEY.")
    silence = wandb_run.silence()
    if silence:
        raise InputError(f"Expected W&B's server but {silence}; try again with a network.")
    try:
        view.save()
    except Exception as error:
        raise InputError(
            f"Expected W&B to save {view.entity}/{view.project} but that fails ({' '.join(str(error).split())[:160]}); "
            "correct --entity or --project."
        ) from error
    return str(view.url)


def _lines(wr: Any, panels: Mapping[str, Sequence[str]]) -> list[Any]:
    return [wr.LinePlot(title=title, x=STEP, y=list(keys)) for title, keys in panels.items()]


def _bars(wr: Any) -> list[Any]:
    return [wr.BarPlot(title=f"test/{name}", metrics=[wr.SummaryMetric(f"test/{name}")]) for name in RESULTS]


def _published_tables(published: Mapping[str, Published]) -> str:
    """Return a Markdown table for each set of metrics that was published together."""
    tables = []
    for names in dict.fromkeys(tuple(row.metrics) for row in published.values()):
        lines = [f"| experiment | system | {' | '.join(names)} | source |", "| --- |" + " --- |" * (len(names) + 2)]
        for experiment, row in published.items():
            if tuple(row.metrics) == names:
                cells = " | ".join(str(row.metrics[name]) for name in names)
                lines.append(f"| {experiment} | {row.system} | {cells} | {row.source}; {row.certainty} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _libraries() -> tuple[Any, Any]:
    try:
        import wandb_workspaces.reports.v2 as wr
        import wandb_workspaces.workspaces as ws
    except ModuleNotFoundError as error:
        raise InputError(
            "Expected wandb-workspaces for a workspace or a report but it is not installed; "
            "pip install 'mine_lightning[workspace]'."
        ) from error
    return ws, wr
