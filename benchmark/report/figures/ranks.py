"""Bump chart: order of the models on clean audio and over each family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.labels import MODEL_COLUMNS, columns, shorten_all
from benchmark.report.figures.style import ModelStyle, new_figure
from benchmark.report.labels import drop_columns, family_title
from benchmark.store.tables import Tables


def rank_changes(tables: Tables, metric: str) -> pd.DataFrame:
    """Return ``condition, model, score, rank, place`` on clean audio and over each family.

    ``rank`` is 1 + the number of models that score strictly higher; ``place`` breaks ties by the
    order of the leaderboard. A model without a score has no row.
    """
    ranked = tables.leaderboard.dropna(subset=["rank"])
    scores = {"clean": metric}
    for name in drop_columns(tables):
        scores[name.removesuffix("_drop")] = f"{name.removesuffix('_drop')}_{metric}"
    frames = []
    for condition, column in scores.items():
        frame = pd.DataFrame(
            {"condition": condition, "model": ranked["model"], "score": ranked[column]}
        ).dropna(subset=["score"])
        frame["rank"] = frame["score"].rank(method="min", ascending=False).astype(int)
        frame["place"] = frame["score"].rank(method="first", ascending=False).astype(int)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def draw_ranks(points: pd.DataFrame, styles: Sequence[ModelStyle]) -> Figure:
    """Draw one line per model, from its place on clean audio through that of each family."""
    conditions = list(dict.fromkeys(points["condition"]))
    most = int(points["place"].max())
    names = [style.model for style in styles]
    labels = dict(zip(names, shorten_all(names, MODEL_COLUMNS), strict=True))
    room = 0.055 * (3 + max(columns(label) for label in labels.values()))  # on either side
    figure, (ax,) = new_figure(0.4 + 2 * room + 0.62 * len(conditions), 1.1 + 0.19 * most)
    for style in styles:
        own = points[points["model"] == style.model]
        if not len(own):
            continue
        x = np.array([conditions.index(name) for name in own["condition"]], dtype=float)
        places = own["place"].to_numpy(float)
        line = ax.plot(x, places, color=style.colour, marker=style.marker, linestyle=style.dash)[0]
        line.set_gid(f"{style.gid}-line")
        ranks = own["rank"].tolist()
        _name(ax, x[0] - 0.15, places[0], f"{labels[style.model]}  {ranks[0]}", "right")
        if len(own) > 1 and own["condition"].iloc[-1] == conditions[-1]:
            _name(ax, x[-1] + 0.15, places[-1], f"{ranks[-1]}  {labels[style.model]}", "left")
    titles = shorten_all([family_title(name) for name in conditions], MODEL_COLUMNS)
    ax.set_xticks(range(len(conditions)), titles, rotation=30, ha="right", fontsize=6.5)
    ax.set_yticks([])
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(-0.4, len(conditions) - 0.6), ylim=(most + 0.6, 0.4))
    ax.grid(visible=False, axis="y")
    ax.spines[:].set_visible(False)
    return figure


def _name(ax: Axes, x: float, y: float, text: str, side: str) -> None:
    ax.text(x, y, text, ha=side, va="center", fontsize=6.5)
