"""Scatter plot of scores on clean and perturbed audio, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.figures.style import GRID, INK, ModelStyle, new_figure
from benchmark.report.labels import metric_title


def draw_scatter(
    board: pd.DataFrame, drops: Sequence[str], styles: Sequence[ModelStyle], metric: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the clean score of each model against its mean over families, and the Pareto front.

    Args:
        board: Ranked models.
        drops: Drop columns of the families of the mean.
        styles: Models to draw.
        metric: Metric of both scores.
    """
    means = [name.removesuffix("_drop") + f"_{metric}" for name in drops]
    points = pd.DataFrame(
        {"model": board["model"], "clean": board[metric], "perturbed": board[means].mean(axis=1)}
    )
    # A mean over fewer families is not comparable with the others.
    points.loc[board[means].isna().any(axis=1), "perturbed"] = np.nan
    figure, (ax,) = new_figure(3.9, 2.7)
    drawn = points[points["model"].isin([style.model for style in styles])].dropna()
    front = pareto(drawn)
    if len(drawn):
        ax.plot(front["clean"], front["perturbed"], color=GRID, linewidth=3, zorder=0)
        rings = ax.plot(front["clean"], front["perturbed"], "o", color=INK, markersize=11, zorder=1)
        rings[0].set(markerfacecolor="none", label="Pareto front")
        start = drawn[["clean", "perturbed"]].min().max()
        ax.axline((start, start), slope=1, color=INK, linewidth=0.5, linestyle=":")
        ax.set_xlim(*_padded(drawn["clean"]))
        ax.set_ylim(*_padded(drawn["perturbed"]))
    for style in styles:
        own = drawn[drawn["model"] == style.model]
        if len(own):
            line = ax.plot(
                own["clean"],
                own["perturbed"],
                color=style.colour,
                marker=style.marker,
                linestyle="none",
                markersize=6,
                label=style.model,
            )[0]
            line.set_gid(f"{style.gid}-line")
    ax.set_xlabel(f"{metric_title(metric)} on clean audio")
    ax.set_ylabel(f"mean {metric_title(metric)}, perturbed")
    ax.set_title("clean against perturbed", fontsize=9, loc="left")
    return figure, points


def pareto(points: pd.DataFrame) -> pd.DataFrame:
    """Return the rows for which no other row is better in ``clean`` and ``perturbed``."""
    ordered = points.sort_values(["clean", "perturbed"], ascending=False)
    best = ordered["perturbed"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["perturbed"] > best]


def _padded(values: pd.Series) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.08 * (high - low) or 0.01
    return low - room, high + room
