"""Confusion matrix of a single-label task.

Rows are shaded by the share of the true class, so that a rare class is as legible as a frequent
one; the numbers are counts of tracks. Shades are one colour of varying opacity, so that the drawing
suits a light and a dark page.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from benchmark.report.figures.heat_maps import fill_cells
from benchmark.report.figures.labels import MODEL_COLUMNS, columns, shorten, shorten_all
from benchmark.report.figures.style import COLOURS, GRID, INK, new_figure

WIDTH = 4.4
"""Inches of a matrix of usual size."""

CELL = (0.11, 0.6)
"""Least and greatest side of a cell in inches; a class name needs the least."""

FONT = (4.5, 7.0)
"""Least and greatest size of the numbers in points."""

LETTER = 0.62
"""Width of a digit or letter as a share of its size."""


def shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one model with ``share``, the count over the tracks of the true class.

    It is blank for a class without a test track.
    """
    total = rows.groupby("true")["count"].transform("sum").astype("Float64")
    share = (rows["count"].astype("Float64") / total.mask(total == 0)).astype("float64")
    return rows[["true", "predicted", "count"]].assign(share=share)


def draw_confusion(rows: pd.DataFrame, title: str) -> Figure:
    """Draw the confusion matrix of one model; classes are in the order of the file.

    Args:
        rows: ``true, predicted, count, share`` of every pair of classes.
        title: Title of the figure.
    """
    classes = [str(name) for name in dict.fromkeys(rows["true"])]
    n = len(classes)
    counts = rows["count"].to_numpy(int).reshape(n, n)
    share = rows["share"].to_numpy(float).reshape(n, n)
    side = float(np.clip(WIDTH / n, *CELL))
    labels = shorten_all(classes, MODEL_COLUMNS)
    margin = 0.45 + max(columns(label) for label in labels) * LETTER * FONT[1] / 72
    figure, (ax,) = new_figure(n * side + margin, n * side + margin + 0.2)
    counted = [(r, c) for r, c in np.ndindex(n, n) if counts[r, c]]
    fill_cells(ax, {at: to_rgba(COLOURS[0], float(share[at])) for at in counted})
    lines = np.arange(n + 1) - 0.5
    ax.hlines(lines, -0.5, n - 0.5, color=GRID, linewidth=0.4)
    ax.vlines(lines, -0.5, n - 0.5, color=GRID, linewidth=0.4)
    room = 0.9 * 72 * side
    size = float(np.clip(room / (LETTER * len(str(counts.max()))), *FONT))
    for r, c in counted:
        text = str(counts[r, c])
        if len(text) * LETTER * size <= room:
            ink = "white" if share[r, c] > 0.5 else INK
            ax.text(c, r, text, ha="center", va="center_baseline", color=ink, fontsize=size)
    ax.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal")
    ax.set_xticks(range(n), labels, rotation=90, fontsize=FONT[1])
    ax.set_yticks(range(n), labels, fontsize=FONT[1])
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    ax.set_title(shorten(title, MODEL_COLUMNS), fontsize=9, loc="left")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return figure
