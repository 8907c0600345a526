"""``report.html`` of an estimate: value, doubts, checks and learning curves on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mine_lightning.views import page
from mine_lightning.views.line_chart import Curve, Level, line_chart

if TYPE_CHECKING:
    from mine_lightning.estimation.result import MIEstimate

__all__ = ["estimate_page"]


def estimate_page(estimate: MIEstimate, source: str, config: str, circumstances: dict[str, Any]) -> str:
    """Return an estimate's page as HTML.

    Args:
        estimate: what ``estimate_mi`` returned.
        source: of the pairs, in words.
        config: of the run, YAML.
        circumstances: seconds, hardware, commit and versions.
    """
    title = f"I(x; z) of {source}"
    low, high = estimate.interval
    told = [f"{estimate.n:,} pairs", f"{circumstances['seconds']:g} seconds", circumstances["hardware"]]
    told.append(f"commit {(circumstances['commit'] or 'unknown')[:10]}")
    rows = [
        ("I(x; z), nats", f"{estimate.nats:.3f}"),
        ("standard error", f"{estimate.stderr:.3f}"),
        ("the truth should lie between", f"{low:.3f} and {high:.3f}"),
    ]
    curves = [Curve(f"fold {k + 1}", [(p.step, p.nats) for p in points]) for k, points in enumerate(estimate.curve)]
    level = Level(f"estimate {estimate.nats:.3f}", estimate.nats)
    parts = [
        page.heading(title),
        page.lead(told),
        page.section("Result", page.table(("", "value"), rows)),
        page.warnings(estimate.warnings),
        page.section("Checks", _checks(estimate)) if estimate.checks else "",
        page.section("Training", page.grid([line_chart("On validation pairs, nats", curves, [level])]))
        if any(estimate.curve)
        else "",
        page.section("More", *page.origin(config, circumstances["versions"])),
    ]
    return page.page(title, parts)


def _checks(estimate: MIEstimate) -> str:
    rows = [
        (name, "holds" if c.passed else "FAILS", f"{c.nats:.3f}", f"{c.expected:.3f}", f"{c.tolerance:.3f}")
        for name, c in estimate.checks.items()
    ]
    return page.table(("check", "verdict", "nats", "expected", "tolerance"), rows)
