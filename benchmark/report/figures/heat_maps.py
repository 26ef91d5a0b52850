"""Heat maps: score and drop of each model by family, severity, condition and tag.

Shades are one colour of varying opacity, so that the drawing suits a light page, a dark page and
grey. An increase of the score has another colour and a minus sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmark.perturbations import CHAIN
from benchmark.report.figures.labels import (
    MODEL_COLUMNS,
    TAG_COLUMNS,
    columns,
    inches,
    shorten_all,
)
from benchmark.report.figures.style import COLOURS, INK, ModelStyle, new_figure
from benchmark.report.labels import metric_title, pair_title, suite_first_pairs

MOST_TAGS = 60
"""Tags that fit a printed page; the CSV file has all of them."""

RGBA = tuple[float, float, float, float]

PANELS = 3
"""Panels in a row."""


def family_drops(robustness: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean drop by model, protocol, family and severity, directions averaged.

    A model that lacks a direction has no row, since means over different conditions are not
    comparable.
    """
    rows = robustness[(robustness["metric"] == metric) & (robustness["severity"] > 0)]
    rows = rows[rows["family"] != CHAIN]
    keys = ["protocol", "family", "severity"]
    wanted = rows.groupby(keys)["perturbation"].nunique()
    means = (
        rows.groupby(["model", *keys], sort=False)["drop"]
        .agg(drop=lambda drops: drops.mean(skipna=False), n_conditions="size")
        .reset_index()
    )
    complete = means["n_conditions"].to_numpy() == [
        wanted.loc[key] for key in means[keys].itertuples(index=False, name=None)
    ]
    return means[complete].reset_index(drop=True)


def draw_families(
    robustness: pd.DataFrame, styles: Sequence[ModelStyle], metric: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw family by severity, one panel per model, all panels on one scale."""
    points = family_drops(robustness, metric)
    pairs, steps = suite_first_pairs(points), sorted(set(points["severity"]))
    models = [style.model for style in styles if style.model in set(points["model"])]
    titles = shorten_all(models, MODEL_COLUMNS)
    in_row = min(PANELS, len(models))
    rows = -(-len(models) // in_row)
    panel = max(0.36 * len(steps), inches(titles, 7.5))  # titles must not overlap
    figure, axes = new_figure(
        1.5 + panel * in_row, 0.4 + (0.36 + 0.17 * len(pairs)) * rows, rows, in_row
    )
    top = _top(points["drop"])
    for at, (ax, model) in enumerate(zip(axes, models, strict=False)):
        own = points[points["model"] == model].set_index(["protocol", "family", "severity"])["drop"]
        grid = np.array([[own.get((*pair, s), np.nan) for s in steps] for pair in pairs])
        shade(ax, grid, top, size=5.5, places=3)
        ax.set_title(titles[at], fontsize=7.5, loc="left", pad=2)
        names = [pair_title(*pair) for pair in pairs] if at % in_row == 0 else []
        ax.set_yticks(range(len(names)), names, fontsize=6)
        bottom = at + in_row >= len(models)
        ax.set_xticks(range(len(steps)) if bottom else [], steps if bottom else [], fontsize=6.5)
    for ax in axes[len(models) :]:
        ax.set_axis_off()
    figure.supxlabel(f"severity; drop in {metric_title(metric)} from clean audio", fontsize=7.5)
    return figure, points


def tag_scores(per_tag: pd.DataFrame, task: str, protocol: str = "suite") -> pd.DataFrame:
    """Return ``model, tag, n_positive, clean, drop`` and one drop per family of ``protocol``.

    ``clean`` is the score of the tag on clean audio; the drops are means over severities.
    """
    name = "f1" if task == "singlelabel" else "roc_auc"
    clean = per_tag[per_tag["severity"] == 0].drop_duplicates(["model", "tag"])
    scores = clean[["model", "tag", "n_positive", name]].rename(columns={name: "clean"})
    rows = per_tag[(per_tag["severity"] > 0) & (per_tag["protocol"] == protocol)]
    if not len(rows):
        return scores.reset_index(drop=True)
    # Means of means, so that the weight of a family does not depend on its directions and levels.
    step = rows.groupby(["model", "tag", "family", "severity"])["drop"].mean()
    family = step.groupby(["model", "tag", "family"]).mean().unstack("family")
    family.columns = [f"{name}_drop" for name in family.columns]
    family.insert(0, "drop", family.mean(axis=1))
    return scores.merge(family.reset_index(), on=["model", "tag"], how="left")


def draw_tags(points: pd.DataFrame, styles: Sequence[ModelStyle], task: str) -> Figure:
    """Draw tags by model: the score on clean audio and, where perturbed, the mean drop.

    Args:
        points: From :func:`tag_scores`.
        styles: Models in the order of the columns.
        task: ``"multilabel"`` (ROC-AUC) or ``"singlelabel"`` (F1).
    """
    counts = points.drop_duplicates("tag").sort_values(
        ["n_positive", "tag"], ascending=[False, True]
    )
    tags = list(counts["tag"])[:MOST_TAGS]
    models = [style.model for style in styles if style.model in set(points["model"])]
    panels = ["clean", "drop"] if "drop" in points else ["clean"]
    score = "F1" if task == "singlelabel" else "ROC-AUC"
    titles = {"clean": f"{score} on clean audio", "drop": f"mean drop in {score}"}
    side = 0.3 if len(models) <= PANELS * 4 else 0.24
    rows, heads = shorten_all(tags, TAG_COLUMNS), shorten_all(models, MODEL_COLUMNS)
    room = 0.055 * max(columns(label) for label in heads)  # for vertical names
    figure, axes = new_figure(
        max(1.1, 0.2 + inches(rows, 5.5)) + max(1.5, side * len(models)) * len(panels),
        0.4 + room + 0.135 * len(tags),
        1,
        len(panels),
    )
    for ax, panel in zip(axes, panels, strict=True):
        wide = points.pivot_table(index="tag", columns="model", values=panel, dropna=False)
        grid = wide.reindex(index=tags, columns=models).to_numpy(float)
        base, top = (0.0, _top(grid)) if panel == "drop" else _range(grid)
        shade(ax, grid, top, base=base, signed=panel == "drop", size=4.8, places=2)
        ax.set_title(titles[panel], fontsize=7.5, loc="left", pad=3)
        ax.set_xticks(range(len(models)), heads, rotation=90, fontsize=6)
        names = rows if ax is axes[0] else []
        ax.set_yticks(range(len(names)), names, fontsize=5.5)
    return figure


def shade(
    ax: Axes,
    grid: np.ndarray,
    top: float,
    *,
    base: float = 0.0,
    signed: bool = True,
    size: float,
    places: int,
) -> None:
    """Fill ``ax`` with one shaded cell per value of ``grid`` and print the value; NaN is empty.

    Args:
        ax: Axes to fill.
        grid: Values (R, C).
        top: Distance from ``base`` that has the full colour.
        base: Value without colour.
        signed: Whether values below ``base`` have another colour; else they have none.
        size: Font size of the numbers, in points.
        places: Decimals of the numbers; the leading zero is left out.
    """
    cells = [(r, c) for (r, c), value in np.ndenumerate(grid) if np.isfinite(value)]
    below = {at: signed and bool(grid[at] < base) for at in cells}
    strength = {at: float(np.clip(abs(grid[at] - base) / top, 0.0, 1.0)) for at in cells}
    strength |= {at: 0.0 for at in cells if grid[at] < base and not signed}
    fill_cells(ax, {at: to_rgba(COLOURS[int(below[at])], strength[at]) for at in cells})
    for r, c in cells:
        ink = "white" if strength[r, c] > 0.85 else INK
        text = f"{grid[r, c]:.{places}f}".replace("-0.", "-.").removeprefix("0")
        text = text if text.strip("-.0") else f".{'0' * places}"
        number = ax.text(c, r, text, ha="center", va="center_baseline", color=ink, fontsize=size)
        number.set_in_layout(
            False
        )  # The number fits its cell, and measuring thousands of texts is slow.
    ax.set(xlim=(-0.5, grid.shape[1] - 0.5), ylim=(grid.shape[0] - 0.5, -0.5))
    ax.tick_params(length=0, pad=1.5)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def fill_cells(ax: Axes, colours: Mapping[tuple[int, int], RGBA]) -> None:
    """Fill cells of unit size, (row, column), each with its colour."""
    ax.add_collection(
        PatchCollection(
            [Rectangle((c - 0.5, r - 0.5), 1, 1) for r, c in colours],
            facecolors=list(colours.values()),
            edgecolors="none",
        )
    )


def _range(grid: np.ndarray) -> tuple[float, float]:
    """Return the score without shade and the distance from it to the full shade.

    The lowest 2 % and scores of exactly 0.5, those of a constant predictor, are left out, since all
    others would have nearly one shade.
    """
    scores = grid[np.isfinite(grid) & (np.abs(grid - 0.5) > 1e-6)]
    if not len(scores):
        return 0.5, 0.5
    low, high = float(np.quantile(scores, 0.02)), float(scores.max())
    return low, max(high - low, 1e-6)


def _top(values: pd.Series | np.ndarray) -> float:
    sizes = np.abs(np.asarray(values, dtype=float))
    sizes = sizes[np.isfinite(sizes)]
    return max(float(sizes.max()), 1e-6) if len(sizes) else 1.0


def draw_drops(
    robustness: pd.DataFrame, styles: Sequence[ModelStyle], metric: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the drop of every model under every condition as shades with numbers."""
    rows = robustness[(robustness["metric"] == metric) & (robustness["severity"] > 0)]
    name = rows["perturbation"].str.replace("_", " ") + " " + rows["severity"].astype(str)
    points = rows[["model", "protocol", "family", "perturbation", "severity", "drop"]]
    names = list(dict.fromkeys(name))
    wide = rows.assign(name=name).pivot_table(index="name", columns="model", values="drop")
    models = [style.model for style in styles]
    grid = wide.reindex(index=names, columns=models).to_numpy(float)
    rows_of, heads = shorten_all(names, TAG_COLUMNS), shorten_all(models, MODEL_COLUMNS)
    room = 0.06 * max(columns(label) for label in heads)  # for vertical names
    width = max(2.0, 0.5 + inches(rows_of, 6.0))
    figure, (ax,) = new_figure(width + 0.5 * len(models), 0.5 + room + 0.17 * len(names))
    top = float(np.nanmax(np.abs(grid))) if np.isfinite(grid).any() else 1.0
    ax.imshow(grid, cmap="Blues", vmin=0.0, vmax=max(top, 1e-6), aspect="auto")
    for (r, c), value in np.ndenumerate(grid):
        if np.isfinite(value):
            ink = "white" if value > 0.6 * top else INK
            ax.text(c, r, f"{value:.3f}", ha="center", va="center", color=ink, fontsize=5.5)
    ax.set_yticks(range(len(names)), rows_of, fontsize=6)
    ax.set_xticks(range(len(models)), heads, rotation=90, fontsize=6.5)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_title(f"drop in {metric_title(metric)} from clean", fontsize=8, loc="left")
    return figure, points
