"""Text of the leaderboard, status, failures and verification for a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from benchmark.config.compared_tags import ComparedTags, summary
from benchmark.perturbations import SUITE
from benchmark.report.labels import (
    NOT_APPLICABLE,
    drop_columns,
    drop_text,
    family_title,
    further_metrics,
    metric_title,
    number,
    span,
    without_audio,
)
from benchmark.score.consistency import MAIN, TITLES
from benchmark.score.metrics import primary_metric
from benchmark.score.pipeline import damaged, other_samples, tables_of
from benchmark.score.tables.verify import verify_tables
from benchmark.store import run_record
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.store.tables import Tables

MODEL_WIDTH = 24
"""Columns of the name of a model; a longer name continues on the next line."""


def render_leaderboard(tables: Tables) -> Table:
    """Return the leaderboard for a terminal of 100 columns.

    Rank with its interval, model, primary score with its interval, the second score, and the mean
    drop per family of perturbations (up to five).
    """
    board, first = tables.leaderboard, primary_metric(tables.task)
    second = further_metrics(tables)[0]
    drops = drop_columns(tables)[:5]
    table = Table(
        title=f"{tables.dataset}: mean drop in {metric_title(first)} per family, 95 % intervals",
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
        box=None,
        header_style="bold",
    )
    table.add_column("rank", no_wrap=True)
    longest = max((len(str(name)) for name in board["model"]), default=0)
    width = min(max(longest, len("model")), MODEL_WIDTH)
    table.add_column("model", min_width=width, max_width=MODEL_WIDTH, overflow="fold")
    table.add_column(metric_title(first), no_wrap=True)
    table.add_column(metric_title(second), justify="right", no_wrap=True)
    for name in drops:
        table.add_column(_narrow(family_title(name)), justify="right")
    for row in board.to_dict("records"):
        table.add_row(
            span(row["rank"], row["rank_low"], row["rank_high"]),
            Text(str(row["model"])),
            _score(row.get(first), row.get(f"{first}_low"), row.get(f"{first}_high")),
            number(row.get(second)),
            *(drop_text(row, name) for name in drops),
        )
    if drops and without_audio(board):
        table.caption = f"{NOT_APPLICABLE}: not applicable, the input of the model is not audio."
        table.caption_justify = "left"
    return table


def _narrow(title: str) -> str:
    return title.replace(" ", "\n", 1)


def _score(value: Any, low: Any, high: Any) -> str:
    if value is None or pd.isna(value):
        return "no clean evaluation"
    return number(value) + ("" if pd.isna(low) else f" [{low:.3f}, {high:.3f}]")


def render_consistency(frame: pd.DataFrame, dataset: str) -> Table:
    """Return the mean |change of log-odds|, with one row per family and one column per model.

    With a single model, each consistency measure has a column.
    """
    models = list(dict.fromkeys(frame["model"]))
    several = len(models) > 1
    rows = frame[frame["metric"] == MAIN] if several else frame
    titles = [
        family_title(family if protocol == SUITE else f"{protocol}_{family}")
        for protocol, family in zip(rows["protocol"], rows["family"], strict=True)
    ]
    column = "model" if several else "metric"
    rows = rows.assign(title=titles)
    # Means over directions first, then over severities, as for the drop of a family.
    steps = rows.groupby(["title", "severity", column])["value"].mean()
    means = steps.groupby(["title", column]).mean().unstack(column)
    quantity = TITLES[MAIN] if several else f"{models[0]} against itself on clean audio"
    table = Table(
        title=f"{dataset}: {quantity}, by family",
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
        box=None,
        header_style="bold",
    )
    table.add_column("family", no_wrap=True)
    columns = models if several else [name for name in TITLES if name in means]
    for name in columns:
        title = str(name) if several else TITLES[name]
        table.add_column(title, justify="right", overflow="fold", min_width=5)
    pairs = sorted(dict.fromkeys(zip(rows["protocol"] != SUITE, titles, strict=True)))
    for _, title in pairs:
        table.add_row(title, *(number(means.loc[title, name]) for name in columns))
    return table


def show_compared(dataset: str, compared: ComparedTags | None, console: Console) -> None:
    """Print which tags are compared and left out, unless they are those of all models."""
    if compared and (text := summary(dataset, compared)):
        console.print(escape(text), highlight=False)


def report_failures(records: Sequence[RunRecord], store: Store, console: Console) -> int:
    """Print a table of the failed cells.

    Returns:
        The exit code: 1 if a cell failed, otherwise 0.
    """
    failed = [failure for record in records for failure in run_record.failures(record, store)]
    if not failed:
        return 0
    table = Table(title=f"{len(failed)} failed cells", title_style="bold red")
    for heading in ("model", "seed", "condition", "stage", "error"):
        table.add_column(heading)
    for failure in failed:
        condition = failure.perturbation
        if failure.level:
            condition += f" {failure.level:g}"
        table.add_row(
            escape(failure.model),
            str(failure.seed),
            condition,
            failure.stage,
            escape(failure.error[:200]),
        )
    console.print(table)
    console.print(
        f"Tracebacks: {store.cells}/<cell>/failed.json. Run the same command again to retry only "
        "these cells."
    )
    return 1


def status_table(store: Store, names: Sequence[str]) -> Table:
    """Return the numbers of finished and failed cells, one row per model of each dataset."""
    table = Table()
    for heading in ("dataset", "preset", "model", "trained", "evaluated", "failed"):
        # The end of a name states the augmentation, so that no name may be cut.
        table.add_column(heading, overflow="fold")
    for name in names:
        record = run_record.load(name, store)
        states = store.states(cell["id"] for cell in record.cells)
        models: dict[str, tuple[list[str], list[str]]] = {}
        for cell in record.cells:
            trained, evaluated = models.setdefault(cell["labels"]["model"], ([], []))
            is_evaluation = "perturbation" in cell["labels"]
            (evaluated if is_evaluation else trained).append(states[cell["id"]])
        for model, (trained, evaluated) in models.items():
            table.add_row(
                name,
                str(record.info["preset"]),
                escape(model),
                _fraction(trained),
                _fraction(evaluated),
                str([*trained, *evaluated].count("failed")),
            )
    return table


def watch_status(
    store: Store, names: Sequence[str], console: Console, interval_s: float = 5.0
) -> None:
    """Show `status_table` and renew it, also while other processes run the cells, until Ctrl-C.

    Args:
        store: Results folder.
        names: Names of the datasets.
        console: Where it is shown; a file or pipe gets one table for each interval.
        interval_s: Time between two tables, in seconds.
    """
    with Live(console=console, auto_refresh=False) as live:
        while True:
            table = status_table(store, names)
            if console.is_terminal:
                live.update(table, refresh=True)
            else:
                console.print(table)
            time.sleep(interval_s)


def _fraction(states: Sequence[str]) -> str:
    return f"{states.count('done')}/{len(states)}"


def verify(record: RunRecord, store: Store, console: Console) -> bool:
    """Recompute the tables of a dataset from its stored predictions and print differences.

    Returns:
        Whether all tables agree and no cell is damaged.
    """
    folder = run_record.folder(record.dataset, store)
    broken = damaged(record, store)
    for title, path in broken.items():
        console.print(
            f"[red]{escape(title)}[/]: its files do not match the digests in {path}/metrics.json"
        )
    for digest, count in other_samples(record, store).items():
        console.print(
            f"[yellow]{count} cells of {record.dataset} were evaluated on decoded samples "
            f"{digest[:12]}[/], not on {record.info['samples_digest'][:12]} of the run record.",
            highlight=False,
        )
    differences = verify_tables(folder, tables_of(record, store))
    for item in differences[:20]:
        console.print(
            f"[red]{item.file}[/], {item.row}, {item.column}: stored {item.stored}, "
            f"recomputed {item.recomputed}",
            highlight=False,
        )
    if len(differences) > 20:
        console.print(f"... and {len(differences) - 20} more")
    if broken or differences:
        console.print(
            f"{record.dataset}: {len(differences)} differences, {len(broken)} damaged cells. "
            "Run the benchmark again to repair the cells, then: tagbench leaderboard"
        )
        return False
    console.print(f"{record.dataset}: every row is confirmed by the stored predictions.")
    return True
