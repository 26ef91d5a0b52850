"""Matrices of robust training for ``tables.tex``, one table each."""

from __future__ import annotations

import re

from benchmark.report.labels import metric_title
from benchmark.report.latex_text import escape, interval, safe, table
from benchmark.report.training_matrices import Cell, Matrix, matrices
from benchmark.score.metrics import primary_metric
from benchmark.store.tables import Tables


def robust_training_tables(tables: Tables) -> list[str]:
    """Return the LaTeX source of a table per matrix of ``robust_training.csv``."""
    metric = metric_title(primary_metric(tables.task))
    return [_matrix(m, tables.dataset, metric) for m in matrices(tables.robust_training)]


def _matrix(matrix: Matrix, dataset: str, metric: str) -> str:
    caption = (
        f"Robust training of {escape(matrix.base)} on {escape(dataset)}. Rows: what was perturbed "
        f"in training. First column: {escape(metric)} on clean audio; others: mean drop from it "
        "over the levels of a family, smaller is better, with 95\\,\\% bootstrap intervals; last "
        "column: mean over the families that the training did not contain. Underlined: trained "
        "and tested on the same family."
    )
    if matrix.compared:
        caption += (
            " Bold and italic: better and worse than the model trained on clean audio, where the "
            "paired difference is significant at 5\\,\\% after Holm's correction within the table."
        )
    lines = []
    for row in matrix.rows:
        lines.append(" & ".join([escape(row.title), *map(_value, row.cells)]) + r" \\")
        below = [_short(interval(*cell.estimate[1:])) for cell in row.cells]
        if any(below):
            lines.append(" & ".join(["", *below]) + r" \\[2pt]")
    headings = ["trained on", *map(escape, matrix.titles)]
    name = f"tab:{safe(dataset)}-{safe(matrix.base)}-robust-training"
    return table(caption, name, "l" + "r" * len(matrix.columns), headings, lines, separation=2.0)


def _short(text: str) -> str:
    """Leave out leading zeros, so that seven columns fit the width of a page."""
    return re.sub(r"(?<!\d)0\.", ".", text)


def _value(cell: Cell) -> str:
    value = cell.estimate[0]
    if value != value:  # NaN
        return {"failed": "failed", "not run": "not run"}.get(cell.note, "--")
    text = _short(f"{value:.3f}".replace("-0.000", "0.000").replace("-", "$-$"))
    if cell.seen:
        text = f"\\underline{{{text}}}"
    if not cell.sure:
        return text
    # A higher score is better, and so is a smaller drop.
    better = (cell.difference[0] > 0) == (cell.kind == "score")
    return f"\\textbf{{{text}}}" if better else f"\\textit{{{text}}}"
