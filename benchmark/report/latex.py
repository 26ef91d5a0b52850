r"""``tables.tex``: the leaderboard and the drops by family, ready to be included in a paper.

The file needs ``\usepackage{booktabs}`` only. Names in scripts that pdfLaTeX cannot print need
XeLaTeX or LuaLaTeX, and the head of the file then says so. A value is bold only where it is the
best of its column and the paired interval of its difference from each other model excludes zero.
Superscript letters mark models that do not differ significantly from the best of their group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from benchmark.report.figures.style import model_styles, plottable
from benchmark.report.labels import (
    NOT_APPLICABLE,
    drop_columns,
    drop_text,
    family_title,
    further_metrics,
    metric_title,
    n_left_out,
    protocol_and_family,
    without_audio,
)
from benchmark.report.latex_robust_training import robust_training_tables
from benchmark.report.latex_text import escape, interval, needs_unicode_engine, safe, table
from benchmark.score.metrics import primary_metric
from benchmark.store.tables import Tables

MOST_FAMILIES = 5
"""Families that fit the width of a page."""

_PROTOCOLS = {"suite": "the suite", "controls": "the controls", "custom": "the chains"}

Lead = Callable[[str, str], bool]
"""Whether the first model is significantly better than the second."""


def tables_tex(tables: Tables) -> str:
    """Return the text of ``tables.tex``."""
    metric = primary_metric(tables.task)
    board = tables.leaderboard.dropna(subset=["rank"])
    printed = " ".join([tables.dataset, *map(str, board["model"]), *drop_columns(tables)])
    parts = [_HEAD + _UNICODE if needs_unicode_engine(printed) else _HEAD]
    if len(board):
        parts.append(_leaderboard(tables, board, metric))
    by_protocol: dict[str, list[str]] = {}
    for name in drop_columns(tables) if len(board) else ():
        protocol, _ = protocol_and_family(tables, name)
        by_protocol.setdefault(protocol, []).append(name)
    for protocol, names in by_protocol.items():
        for start in range(0, len(names), MOST_FAMILIES):
            chunk = names[start : start + MOST_FAMILIES]
            suffix = f"-{start // MOST_FAMILIES + 1}" if len(names) > MOST_FAMILIES else ""
            parts.append(_drops(tables, board, metric, protocol, chunk, suffix))
    parts += robust_training_tables(tables)
    return "\n".join(parts)


_HEAD = r"""% Written by tagbench; renewed with every report.
% Preamble: \usepackage{booktabs}
\providecommand{\tagbenchinterval}[2]{{\scriptsize[#1, #2]}}
"""


_UNICODE = r"""% The names need XeLaTeX or LuaLaTeX; pdfLaTeX cannot print their script.
% Preamble: \usepackage{fontspec}\setmainfont{<a font with their glyphs>}
"""


def _leaderboard(tables: Tables, board: pd.DataFrame, metric: str) -> str:
    metrics = [metric, *further_metrics(tables)]
    columns: list[list[str]] = [
        [f"{row['rank']}{_letter(row.get('tie_group'))}" for row in board.to_dict("records")],
        [escape(str(name)) for name in board["model"]],
    ]
    for name in metrics:
        columns.append(_column(board, name, max, _lead(tables, board, name, "clean"), inline=True))
    parameters = ["" if pd.isna(n) else f"{float(n) / 1e6:.2f}" for n in board["n_params"]]
    columns.append(parameters)
    headings = [
        "",
        "model",
        *(f"{escape(metric_title(name))}" for name in metrics),
        "parameters (M)",
    ]
    first = board.iloc[0]
    caption = (
        f"Models on {escape(tables.dataset)} ({first['n_tracks']} test tracks), ranked by "
        f"{escape(metric_title(metric))} on clean audio, with 95\\,\\% bootstrap intervals. Models "
        "with the same letter do not differ significantly from the best of them. "
    ) + _BOLD
    if left_out := n_left_out(tables):
        n_tags = tables.per_tag["tag"].nunique()
        caption += (
            f" Scores are over the {n_tags} of {n_tags + left_out} tags that all models know."
        )
    rows = [" & ".join(cells) + r" \\" for cells in zip(*columns, strict=True)]
    return table(
        caption,
        f"tab:{safe(tables.dataset)}-leaderboard",
        "ll" + "r" * (len(headings) - 2),
        headings,
        rows,
    )


def _drops(
    tables: Tables,
    board: pd.DataFrame,
    metric: str,
    protocol: str,
    names: Sequence[str],
    suffix: str,
) -> str:
    values, intervals = [[escape(str(m)) for m in board["model"]]], [[""] * len(board)]
    for name in names:
        lead = _lead(tables, board, name, protocol_and_family(tables, name)[1], protocol)
        values.append(_column(board, name, min, lead, inline=False))
        intervals.append([_interval(row, name) for row in board.to_dict("records")])
    headings = ["model", *(escape(_heading(tables, name)) for name in names)]
    title = _PROTOCOLS.get(protocol, escape(protocol))
    caption = (
        f"Mean drop in {escape(metric_title(metric))} over the severities of each family of "
        f"{title} on {escape(tables.dataset)}, from the same model on clean audio, with paired "
        "95\\,\\% bootstrap intervals; smaller is better. "
    ) + _BOLD
    if without_audio(board):
        caption += f" {NOT_APPLICABLE}: not applicable, the input of the model is not audio."
    rows = []
    for above, below in zip(zip(*values, strict=True), zip(*intervals, strict=True), strict=True):
        rows.append(" & ".join(above) + r" \\")
        if any(below):
            rows.append(" & ".join(below) + r" \\[2pt]")
    name = f"tab:{safe(tables.dataset)}-{safe(protocol)}-drops{suffix}"
    return table(caption, name, "l" + "r" * len(names), headings, rows)


_BOLD = (
    "Bold: the best value, where the interval of its difference from each other excludes zero; "
    "otherwise no value of the column is bold."
)


def _column(
    board: pd.DataFrame, name: str, best: Callable[..., Any], lead: Lead, *, inline: bool
) -> list[str]:
    """Return the cells of a column; the best is bold where it is significantly better."""
    varying = {style.model for style in plottable(board, model_styles(list(board["model"])))}
    # The score of a constant predictor cannot drop, so it is not compared with the others.
    rivals = board[board["model"].isin(varying)].dropna(subset=[name])
    order = rivals.sort_values(name, ascending=best is min, kind="stable")["model"].tolist()
    clear = len(order) > 1 and all(lead(order[0], other) for other in order[1:])
    winner = order[0] if clear else None
    cells = []
    for row in board.to_dict("records"):
        text = "" if pd.isna(row[name]) else f"{row[name]:.3f}"
        if text and row["model"] == winner:
            text = f"\\textbf{{{text}}}"
        ends = _interval(row, name) if inline else ""
        cells.append(f"{text} {ends}".strip().replace("-0.", "$-$0.") or drop_text(row, name, "--"))
    return cells


def _interval(row: dict[Any, Any], name: str) -> str:
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return interval(low, high)


def _lead(
    tables: Tables, board: pd.DataFrame, name: str, scope: str, protocol: str | None = None
) -> Lead:
    """Return the test for bold: the paired interval, else separate intervals that do not overlap.

    The second is stricter than a paired interval that excludes zero.
    """
    intervals = paired(tables, name, scope, protocol)
    ends = board.set_index("model")

    def ahead(first: str, second: str) -> bool:
        if frozenset((first, second)) in intervals:
            low, high = intervals[frozenset((first, second))]
            return bool(low > 0 or high < 0)
        least, most = f"{name}_low", f"{name}_high"
        if least not in ends.columns:
            return False
        a, b = ends.loc[first], ends.loc[second]
        return bool(a[least] > b[most] or a[most] < b[least])

    return ahead


def paired(
    tables: Tables, name: str, scope: str, protocol: str | None
) -> dict[frozenset[str], tuple[float, float]]:
    """Return the interval of the difference of each pair of models, from ``comparisons.csv``."""
    frame = tables.comparisons
    drop = name.endswith("_drop")
    metric = primary_metric(tables.task) if drop else name
    rows = frame[(frame["metric"] == metric) & (frame["scope"] == scope)]
    if protocol is not None:
        rows = rows[rows["protocol"] == protocol]
    ends = ["drop_low", "drop_high"] if drop else ["low", "high"]
    return {
        frozenset((str(row["model_a"]), str(row["model_b"]))): (row[ends[0]], row[ends[1]])
        for row in rows.dropna(subset=ends).to_dict("records")
    }


def _heading(tables: Tables, column: str) -> str:
    return family_title(protocol_and_family(tables, column)[1])


def _letter(group: Any) -> str:
    """Return a tie group as a superscript letter: 1 is a, 27 is aa."""
    if group is None or pd.isna(group):
        return ""
    text, left = "", int(group)
    while left > 0:
        left, digit = divmod(left - 1, 26)
        text = chr(ord("a") + digit) + text
    return f"\\textsuperscript{{{text}}}"
