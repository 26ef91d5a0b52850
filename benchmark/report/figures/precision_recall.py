"""Precision-recall curves over all pairs of a track and a class, one line per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.figures.style import ModelStyle, new_figure


def draw_precision_recall(
    points: pd.DataFrame, styles: Sequence[ModelStyle], areas: Mapping[str, float]
) -> Figure:
    """Draw the curve of each model; the legend states its average precision.

    Args:
        points: ``precision_recall.csv``: columns ``model, recall, precision``.
        styles: The models, in the order of the legend.
        areas: Average precision of each model.
    """
    figure, (ax,) = new_figure(4.6, 3.4)
    for style in styles:
        own = points[points["model"] == style.model]
        if own.empty:
            continue
        (line,) = ax.plot(
            own["recall"].to_numpy(float),
            own["precision"].to_numpy(float),
            color=style.colour,
            linestyle=style.dash,
        )
        # First, because long names are shortened at their ends.
        line.set_label(f"{areas[style.model]:.3f} {style.model}")
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    ax.set_xlabel("recall")
    ax.set_ylabel("precision")
    return figure
