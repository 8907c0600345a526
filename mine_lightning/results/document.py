"""``RESULTS.md``: the paper's tables, published beside reproduced, made from ``results/`` and nothing else.

A run that no section asks for stands in the last table, so that no kept result is left out.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mine_lightning.errors import InputError
from mine_lightning.published import UNCHECKED, published_row
from mine_lightning.results.sections import FIGURES, SECTIONS, Column, Figure, Row, Section
from mine_lightning.results.tables import load, main_table, mode_table
from mine_lightning.runs.folder import write_whole
from mine_lightning.runs.summary import mean_and_stderr

__all__ = ["document", "write"]

Summary = dict[str, Any]
NOT_RUN = "not run here yet"


# in the README, around the table that is made
_BEGINNING, _END = "<!-- python -m mine_lightning.results -->", "<!-- end -->"

_HEAD = """\
# Results

Written by `python -m mine_lightning.results` from the files in `results/`, one for each run; a test keeps the two, and
the configs, in step. Here: mean over seeds ± its standard error, of the last checkpoint, never of the best; over those
seeds that have the number, as some have been added since, and no ± where one has it. † marks a published number that is
quoted without the paper at hand; the others were read in the table itself. "Perfect generator" is what real data scores
with the same judge and number of samples. Wall times are those of a machine that did other work beside, and of a run
that was held up they have the time that it waited.
"""


def document(root: Path) -> str:
    """Return what ``RESULTS.md`` holds, from a folder of results.

    Raises:
        InputError: if the seeds of a row are of different configs, or a result is damaged.
    """
    summaries = load(root)
    parts = [_HEAD, *(_section(section, summaries, root) for section in SECTIONS)]
    parts += ["## Estimates of mutual information\n", *(_figure(figure, root, summaries) for figure in FIGURES)]
    asked = {(row.experiment, row.protocol, section.dataset) for section in SECTIONS for row in section.rows}
    asked |= {(figure.experiment, "default", "") for figure in FIGURES}
    rest = [s for s in summaries if not any(_is(s, *wanted) for wanted in asked)]
    parts += [_others(rest)] if rest else []
    return "\n".join(parts)


def write(repository: Path) -> list[Path]:
    """Write ``RESULTS.md`` and the table in the README anew from ``results/``, and return both.

    Raises:
        InputError: if the README has lost the marks around its table.
    """
    results, readme = repository / "RESULTS.md", repository / "README.md"
    before, beginning, rest = readme.read_text(encoding="utf-8").partition(_BEGINNING)
    _, end, after = rest.partition(_END)
    if not beginning or not end:
        raise InputError(
            f"Expected {_BEGINNING} and {_END} around the table in {readme} but there is no such pair; put them back."
        )
    write_whole(readme, f"{before}{beginning}\n{main_table(repository / 'results')}\n{end}{after}")
    write_whole(results, document(repository / "results"))
    return [results, readme]


def _is(summary: Summary, experiment: str, protocol: str, dataset: str) -> bool:
    same = (summary.get("experiment"), summary.get("protocol")) == (experiment, protocol)
    return same and str(summary.get("dataset")).startswith(dataset)


def _section(section: Section, summaries: Sequence[Summary], root: Path | None = None) -> str:
    whose = [f", {which}" for which in section.which] if len(section.which) > 1 else [""]
    titles = [f"{column.title}{which}" for column in section.columns for which in whose]
    compared = [f"{section.columns[0].title}, less that of {section.against}"] if section.against else []
    lines = _header(["", *titles, *compared, "seeds", "steps", "wall time", "hardware", "commit"])
    found: list[Summary] = []
    for row in section.rows:
        runs = _of(row, section, summaries)
        found += runs
        others = [s for other in section.rows if other.title == section.against for s in _of(other, section, summaries)]
        # of parts of a data set, each has a row of its own
        for dataset in sorted({s["dataset"] for s in runs}) or [section.dataset]:
            title = row.title if dataset == section.dataset else f"{row.title} ({dataset})"
            same = [s for s in runs if s["dataset"] == dataset]
            _check_one_config(title, same)
            lines.append(_row(title, row, section, same, others))
    if any(f"floor_{column.key}" in s["metrics"] for s in found for column in section.columns):
        blank = len(section.which) * [""]
        floors = ([*blank[1:], _floor(found, f"floor_{column.key}", column.spec)] for column in section.columns)
        cells = [cell for floor in floors for cell in floor]
        lines.append(_line(["perfect generator", *cells, *("" for _ in compared), "", "", "", "", ""]))
    text = [f"## {section.title}\n", *([section.text, ""] if section.text else []), *lines, *_sources(section)]
    if section.curves and found:
        text += [
            "",
            "Modes / KL by step, mean over seeds (± half the range of KL over them); `test` is on other latents:",
            "",
        ]
        titles_by = {row.experiment: row.title for row in section.rows}
        text += [mode_table(list(summaries), titles_by, section.dataset, section.rows[0].protocol)]
    if root is not None and section.picture and (root / "pictures" / section.picture).is_file():
        text += ["", f"![{section.title}](results/pictures/{section.picture})"]
    return "\n".join(text) + "\n"


def _check_one_config(title: str, runs: Sequence[Summary]) -> None:
    """Refuse a mean over seeds of different configs, as a row half way through `run` after a change has them."""
    hashes = {s.get("config_hash"): s["seed"] for s in runs}
    if len(hashes) > 1:
        (one, first), (other, second), *_ = hashes.items()
        raise InputError(
            f"Expected the runs of {title} to be of one config but seed {first} has the config_hash {one} and seed "
            f"{second} has {other}; run the others anew, or delete them from results/."
        )


def _of(row: Row, section: Section, summaries: Sequence[Summary]) -> list[Summary]:
    return [s for s in summaries if _is(s, row.experiment, row.protocol, section.dataset)]


def _row(title: str, row: Row, section: Section, runs: Sequence[Summary], others: Sequence[Summary]) -> str:
    cells = []
    for column in section.columns:
        cells += [_published(row, column.key)] if len(section.which) > 1 else []
        cells += [_mean(runs, column.key, column.spec)]
    if section.against:
        cells.append("" if row.title == section.against else _difference(runs, others, section.columns[0]))
    if not row.ours:
        return _line([title, *cells, "published alone", "", "", "", ""])
    return _line([title, *cells, *(_circumstances(runs) if runs else [NOT_RUN, "", "", "", ""])])


def _circumstances(runs: Sequence[Summary]) -> list[str]:
    """Return seeds, steps, mean wall time, hardware and commits of a row's runs."""
    minutes = statistics.mean(s["wall_time_s"] for s in runs) / 60
    return [
        str(len(runs)),
        _listed(f"{s['steps']:,}" for s in runs),
        f"{minutes:.0f} min" if minutes >= 1 else f"{60 * minutes:.0f} s",
        _listed(f"{s['hardware']}, {s['precision']}" for s in runs),
        _listed(_short(s["commit"]) for s in runs),
    ]


def _short(commit: str | None) -> str:
    """Return the first digits of a commit, and that files differed from it."""
    digits, _, dirty = (commit or "unknown").partition("-")
    return digits[:7] + (" and changes" if dirty else "")


def _listed(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values))


def _mean(runs: Sequence[Summary], key: str, spec: str) -> str:
    """Return mean ± standard error over runs that have the metric; empty where none has."""
    values = [float(s["metrics"][key]) for s in runs if key in s["metrics"]]
    if not values:
        return ""
    return _value(values, spec, spec)


def _floor(runs: Sequence[Summary], key: str, spec: str) -> str:
    """Return the mean ± standard error over seeds of a perfect generator's score: runs of a seed share its sample."""
    of_seed: dict[int, list[float]] = {}
    for run in runs:
        if key in run["metrics"]:
            of_seed.setdefault(run["seed"], []).append(float(run["metrics"][key]))
    return _value([statistics.mean(values) for values in of_seed.values()], spec, spec) if of_seed else ""


def _difference(runs: Sequence[Summary], others: Sequence[Summary], column: Column) -> str:
    """Return the mean ± standard error of the differences between runs of the same seed; empty where there is none."""
    beside = {s["seed"]: s["metrics"][column.key] for s in others}
    pairs = [s["metrics"][column.key] - beside[s["seed"]] for s in runs if s["seed"] in beside]
    if not pairs:
        return ""
    return _value(pairs, f"+{column.spec}", column.spec)


def _value(values: Sequence[float], spec: str, spec_of_stderr: str) -> str:
    mean, stderr = mean_and_stderr(values)
    if stderr is None:
        return f"{mean:{spec}}"
    if stderr > 1e-9 * abs(mean) and not float(f"{stderr:{spec_of_stderr}}"):  # one digit more, where 0 is not 0
        spec, spec_of_stderr = _finer(spec), _finer(spec_of_stderr)
    return f"{mean:{spec}} ± {stderr:{spec_of_stderr}}"


def _finer(spec: str) -> str:
    """Return a format with one more digit after the point: .3f of .2f."""
    head, point, digits = spec.rpartition(".")
    return f"{head}{point}{int(digits[:-1]) + 1}{digits[-1]}"


def _published(row: Row, key: str) -> str:
    found = published_row(row.experiment, row.protocol)
    if found is None or key not in found.metrics:
        return ""
    return f"{found.metrics[key]}{'†' if found.certainty == UNCHECKED else ''}"


def _sources(section: Section) -> list[str]:
    if "published" not in section.which:
        return []
    rows = (published_row(row.experiment, row.protocol) for row in section.rows)
    sources = dict.fromkeys(row.source for row in rows if row is not None)
    return ["", f"Published: {'; '.join(sources)}."] if sources else []


def _figure(figure: Figure, root: Path, summaries: Sequence[Summary]) -> str:
    title = f"### {figure.title}\n\n`python train.py --config {figure.experiment}`: "
    picture = root / "pictures" / f"{figure.experiment}.png"
    runs = [s for s in summaries if _is(s, figure.experiment, "default", "")]
    if not picture.is_file() or not runs:
        return f"{title}{NOT_RUN}.\n"
    told = [
        f"mean absolute error over all points, nats: "
        f"{', '.join(f'{name} {error:.3f}' for name, error in run['metrics'].items())} (seed {run['seed']}, "
        f"{run['wall_time_s'] / 60:.0f} min, {run['hardware']}, commit {_short(run['commit'])})"
        for run in runs
    ]
    text = f"{figure.text}\n\n" if figure.text else ""
    return f"{title}{'; '.join(told)}.\n\n{text}![{figure.title}](results/pictures/{picture.name})\n"


def _others(summaries: Sequence[Summary]) -> str:
    lines = _header(
        ["experiment", "protocol", "data set", "seed", "metrics", "steps", "wall time", "hardware", "commit"]
    )
    for s in summaries:
        metrics = ", ".join(f"{key} {value:g}" for key, value in s.get("metrics", {}).items())
        cells = [str(s.get(key, "")) for key in ("experiment", "protocol", "dataset", "seed")]
        cells += [metrics, f"{s.get('steps', 0):,}", f"{s.get('wall_time_s', 0) / 60:.0f} min"]
        lines.append(_line([*cells, str(s.get("hardware", "")), _short(s.get("commit"))]))
    return "\n".join(["## Other kept runs\n", "Runs that no table above asks for.", "", *lines]) + "\n"


def _header(cells: Sequence[str]) -> list[str]:
    return [_line(cells), "|" + " --- |" * len(cells)]


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
