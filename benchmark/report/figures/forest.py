"""Forest plot: the score of every model on clean audio with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.figures.labels import MODEL_COLUMNS, inches, shorten_all
from benchmark.report.figures.style import ModelStyle, new_figure
from benchmark.report.labels import metric_title


def draw_leaderboard(
    board: pd.DataFrame, styles: Sequence[ModelStyle], metric: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the clean score of every model with its interval, best on top."""
    points = board[["model", metric, f"{metric}_low", f"{metric}_high"]]
    labels = shorten_all([style.model for style in styles], MODEL_COLUMNS)
    room = max(0.0, inches(labels, 8.0) - 1.2)  # for long names
    figure, (ax,) = new_figure(4.6 + room, 0.7 + 0.24 * len(points))
    for at, style in enumerate(styles):
        value, low, high = (float(x) for x in points.iloc[at, 1:])
        ax.plot([low, high], [at, at], color=style.colour, linewidth=1.6)
        ax.plot([value], [at], color=style.colour, marker=style.marker, linestyle="none")
    ax.set_yticks(range(len(points)), labels)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(f"{metric_title(metric)} on clean audio, 95 % interval")
    return figure, points
