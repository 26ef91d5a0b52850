"""Matrices of robust training: rows are what a model was trained on, columns the tested audio.

The left panel has the drops, the right panel their differences from the model that was trained on
clean audio. A frame marks audio of a family that the training contained. The shades are blue and
orange, which colour-blind readers can tell apart, and the sign of a number states the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmark.report.figures.heat_maps import RGBA, fill_cells
from benchmark.report.figures.labels import MODEL_COLUMNS, inches, shorten_all
from benchmark.report.figures.style import COLOURS, GRID, INK, new_figure
from benchmark.report.labels import metric_title, signed_number
from benchmark.report.training_matrices import Cell, Matrix, matrices

CELL = (0.74, 0.42)
"""Width and height of a cell in inches."""

HEADINGS = 0.8
"""Inches that the titles of a panel and of its columns take."""

DEEPEST = 0.75
"""Greatest opacity of a shade, on which text is legible in light and dark mode."""


def draw_robust_training(table: pd.DataFrame, metric: str) -> Figure:
    """Draw a pair of panels per matrix, all on one scale.

    Args:
        table: ``robust_training.csv``; not empty.
        metric: Metric of the scores.
    """
    drawn = matrices(table)
    names = [shorten_all([row.title for row in m.rows], MODEL_COLUMNS) for m in drawn]
    n_columns = len(drawn[0].columns)
    room = 0.45 + inches([name for shown in names for name in shown], 7.5)
    figure, axes = new_figure(
        room + 0.2 + 2 * n_columns * CELL[0],
        0.25 + sum(HEADINGS + CELL[1] * len(m.rows) for m in drawn),
        len(drawn),
        2,
        height_ratios=[len(m.rows) for m in drawn],
    )
    top = _largest(drawn)
    for at, matrix in enumerate(drawn):
        drops, differences = axes[2 * at : 2 * at + 2]
        _fill(drops, matrix, top, difference=False)
        _fill(differences, matrix, top, difference=True)
        drops.set_title(
            f"{matrix.base}: drop in {metric_title(metric)}", fontsize=8.5, loc="left", pad=5
        )
        differences.set_title("difference from clean training", fontsize=8.5, loc="left", pad=5)
        drops.set_yticks(range(len(names[at])), names[at], fontsize=7.5)
        differences.set_yticks([])
        drops.set_ylabel("trained on", fontsize=8)
    figure.supxlabel("tested on", fontsize=8)
    return figure


def _largest(drawn: Sequence[Matrix]) -> float:
    """Return the size of a drop or difference that has the deepest shade."""
    cells = [cell for m in drawn for row in m.rows for cell in row.cells if cell.kind == "drop"]
    sizes = [abs(value) for cell in cells for value in (cell.estimate[0], cell.difference[0])]
    return max((size for size in sizes if math.isfinite(size)), default=1.0) or 1.0


def _fill(ax: Axes, matrix: Matrix, top: float, *, difference: bool) -> None:
    """Fill one panel: scores and drops, or their differences from the unaugmented model."""
    shades: dict[tuple[int, int], RGBA] = {}
    middle = (len(matrix.columns) - 1) / 2
    for r, row in enumerate(matrix.rows):
        if difference and row.clean:
            ax.text(middle, r, "reference", ha="center", va="center", fontsize=7, style="italic")
            continue
        for c, cell in enumerate(row.cells):
            values = cell.difference if difference else cell.estimate
            if math.isnan(values[0]):
                note = cell.note if matrix.compared or not difference else ""
                ax.text(c, r, note, ha="center", va="center", fontsize=6.5, style="italic")
                continue
            if cell.kind == "drop":
                colour = COLOURS[0 if values[0] > 0 else 1]
                shades[r, c] = to_rgba(colour, DEEPEST * min(abs(values[0]) / top, 1.0))
            _number(ax, (r, c), values, cell, difference=difference)
            if cell.seen:
                ax.add_patch(_frame(r, c))
    fill_cells(ax, shades)
    ax.set(xlim=(-0.5, len(matrix.columns) - 0.5), ylim=(len(matrix.rows) - 0.5, -0.5))
    for at in (0.5, len(matrix.columns) - 1.5):  # clean audio and the mean stand apart
        ax.axvline(at, color=GRID, linewidth=1.5, zorder=1)
    titles = [title.replace(" ", "\n") for title in matrix.titles]
    ax.set_xticks(range(len(titles)), titles, fontsize=7.5)
    ax.tick_params(length=0, pad=3)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _number(
    ax: Axes,
    at: tuple[int, int],
    values: tuple[float, float, float],
    cell: Cell,
    *,
    difference: bool,
) -> None:
    """Print a number with its interval; a significant difference is bold."""
    r, c = at
    text, *ends = (_text(value, signed=difference) for value in values)
    weight = "bold" if difference and cell.sure else "normal"
    has_ends = not math.isnan(values[1])
    ax.text(c, r - 0.15 * has_ends, text, ha="center", va="center", fontsize=8, fontweight=weight)
    if has_ends:
        ax.text(c, r + 0.24, f"[{', '.join(ends)}]", ha="center", va="center", fontsize=5.4)


def _frame(r: int, c: int) -> Rectangle:
    corner = (c - 0.47, r - 0.47)
    return Rectangle(corner, 0.94, 0.94, fill=False, edgecolor=INK, linewidth=1.3, zorder=2)


def _text(value: float, *, signed: bool) -> str:
    """Return a number with three decimals and without its leading zero."""
    text = signed_number(value)
    return (text if signed else text.removeprefix("+")).replace("0.", ".", 1)
