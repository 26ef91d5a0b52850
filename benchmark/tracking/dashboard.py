"""What a dashboard of a sweep shows: panels in the groups of the HTML report.

The specification is a pure function of the results. It names what the trackers log, because it is
read from the runs that they write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Literal

from benchmark.report.data import ReportData
from benchmark.report.figures.draw import Drawn
from benchmark.report.labels import metric_title
from benchmark.report.pipeline import provenance_of
from benchmark.report.sections import leaderboard, provenance
from benchmark.report.sections.base import sections
from benchmark.store.results import DatasetResults
from benchmark.tracking.result_runs import result_runs, training_runs
from benchmark.tracking.run import Run

Kind = Literal["table", "chart", "pictures", "bars", "scatter", "lines", "runs"]


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        kind: ``table``, ``chart`` (a line chart with its own axis), ``pictures``, ``bars`` (final
            values of runs), ``scatter`` (two final values), ``lines`` (values by epoch) or ``runs``
            (configurations side by side).
        title: Heading.
        names: Names under which the values are logged.
        job_type: Job type of the runs that it reads.
    """

    kind: Kind
    title: str
    names: tuple[str, ...]
    job_type: Literal["leaderboard", "evaluate", "train"]


@dataclass(frozen=True)
class Group:
    """Panels under one heading.

    Attributes:
        title: The heading.
        panels: The panels.
        text: Markdown before them.
    """

    title: str
    panels: tuple[Panel, ...]
    text: str = ""


@dataclass(frozen=True)
class Dashboard:
    """A dashboard of one sweep.

    Attributes:
        title: Title.
        description: One sentence.
        dataset: Name of the dataset.
        sweep: Id of the sweep, which is the W&B group of its runs.
        groups: The groups in reading order.
        runs: Ids of the runs by name.
    """

    title: str
    description: str
    dataset: str
    sweep: str
    groups: tuple[Group, ...]
    runs: Mapping[str, str]


def dashboard(results: DatasetResults) -> Dashboard:
    """Return the dashboard of a dataset, from its tables, figures and stored training curves."""
    trained, scored = list(training_runs(results)), list(result_runs(results))
    evaluated, board = scored[:-1], scored[-1]
    data = ReportData(results.tables, results.folder, Drawn(), {}, "", cites_models=False)
    left = [*board.tables, *board.charts, *board.pictures]
    groups = []
    for section in sections():
        names = [name for name in left if any(fnmatch(name, shown) for shown in section.shows)]
        left = [name for name in left if name not in names]
        panels, text = list(_panels(board, names)), ""
        if section is leaderboard.SECTION and data.labelled:
            panels = [*_scores(evaluated, data), *panels]
        if section is provenance.SECTION:
            groups += _training(trained)
            text = _facts(results)
            panels = [Panel("runs", "Configurations", (), "evaluate")] if evaluated else []
        if panels or text:
            title = section.title.format(unit=data.unit, units=data.units)
            groups.append(Group(title, tuple(panels), text))
    if left:
        groups.append(Group("More tables and figures", tuple(_panels(board, left))))
    dataset, sweep = results.record.dataset, results.record.id
    models = len(evaluated)
    return Dashboard(
        f"tagbench: {dataset}",
        f"{models} model{'s' * (models != 1)} on {dataset}, sweep {sweep}.",
        dataset,
        sweep,
        tuple(groups),
        {run.facts["name"]: run.id for run in (*trained, *scored)},
    )


def _panels(board: Run, names: Sequence[str]) -> Iterator[Panel]:
    """Yield the panels of what the run of the leaderboard logs: charts, figures, then tables."""
    for name in names:
        if name in board.charts:
            yield Panel("chart", board.charts[name].title, (name,), "leaderboard")
    pictures = tuple(name for name in names if name in board.pictures)
    if pictures:
        yield Panel("pictures", "Figures", pictures, "leaderboard")
    for name in names:
        if name in board.tables:
            yield Panel("table", name, (name,), "leaderboard")


def _scores(evaluated: Sequence[Run], data: ReportData) -> Iterator[Panel]:
    """Yield the primary score of each model as a bar, and its mean drop against it."""
    if not any(data.metric in run.summary for run in evaluated):
        return
    title = metric_title(data.metric)
    yield Panel("bars", title, (data.metric,), "evaluate")
    for drop in data.drops[1]:
        if any(drop in run.summary for run in evaluated):
            shown = f"{title} and {drop.replace('_', ' ')}"
            yield Panel("scatter", shown, (data.metric, drop), "evaluate")


def _training(trained: Sequence[Run]) -> list[Group]:
    """Return the group of the training curves; none if no cell stored a curve."""
    logged = {name: None for run in trained for point in run.history for name in point}
    names = [name for name in logged if name not in ("epoch", "trainer/global_step")]
    panels = tuple(Panel("lines", name, (name,), "train") for name in names)
    return [Group("Training", panels)] if panels else []


def _facts(results: DatasetResults) -> str:
    """Return the provenance as Markdown tables."""
    parts = []
    for title, rows in provenance.grouped(provenance_of(results.record, results.store)):
        lines = [f"**{title}**", "", "| | |", "|---|---|"]
        lines += [f"| {key} | {value.replace('|', chr(92) + '|')} |" for key, value in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)
