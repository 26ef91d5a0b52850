"""Heat maps: how far each family, each severity and each tag pulls a model down.

Shades are layers of one colour over the page, as in
:mod:`benchmark.report.figures.confusion`: the drawing suits a light and a
dark page, and grey. A gain has another colour and, for grey, a minus sign.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmark.report.figures.style import CHAIN, COLOURS, INK, Look, new_figure
from benchmark.report.labels import family_title, metric_title

MOST_TAGS = 60
"""Tags that a printed page can hold; the CSV file has all of them."""

COLUMNS = 3
"""Panels beside each other."""


def family_drops(robustness: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean drop by model, protocol, family and severity, directions averaged.

    A model that lacks a direction has no row: means over different conditions do not compare.
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


def family_order(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (protocol, family) in the order of every figure: ``suite`` first, then by name."""
    pairs = rows[["protocol", "family"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(pairs, key=lambda pair: (pair[0] != "suite", *pair))


def pair_title(protocol: str, family: str) -> str:
    """Return the heading of a family, with its protocol where that is not ``suite``."""
    title = family_title(family)
    return title if protocol == "suite" else f"{title} ({protocol})"


def draw_families(
    robustness: pd.DataFrame, listed: Sequence[Look], metric: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw family by severity, a panel a model, all on one scale."""
    points = family_drops(robustness, metric)
    pairs, steps = family_order(points), sorted(set(points["severity"]))
    models = [look.model for look in listed if look.model in set(points["model"])]
    columns = min(COLUMNS, len(models))
    rows = -(-len(models) // columns)
    figure, axes = new_figure(
        1.5 + 0.36 * len(steps) * columns, 0.4 + (0.36 + 0.17 * len(pairs)) * rows, rows, columns
    )
    top = _top(points["drop"])
    for at, (ax, model) in enumerate(zip(axes, models, strict=False)):
        own = points[points["model"] == model].set_index(["protocol", "family", "severity"])["drop"]
        grid = np.array([[own.get((*pair, s), np.nan) for s in steps] for pair in pairs])
        shade(ax, grid, top, size=5.5, places=3)
        ax.set_title(model, fontsize=7.5, loc="left", pad=2)
        names = [pair_title(*pair) for pair in pairs] if at % columns == 0 else []
        ax.set_yticks(range(len(names)), names, fontsize=6)
        bottom = at + columns >= len(models)
        ax.set_xticks(range(len(steps)) if bottom else [], steps if bottom else [], fontsize=6.5)
    for ax in axes[len(models) :]:
        ax.set_axis_off()
    figure.supxlabel(f"severity; drop in {metric_title(metric)} from clean audio", fontsize=7.5)
    return figure, points


def tag_scores(per_tag: pd.DataFrame, task: str, protocol: str = "suite") -> pd.DataFrame:
    """Return ``model, tag, n_positive, clean, drop`` and one drop a family of ``protocol``.

    ``clean`` is the tag's score on untouched audio, the drops are means over severities.
    """
    name = "f1" if task == "singlelabel" else "roc_auc"
    clean = per_tag[per_tag["severity"] == 0].drop_duplicates(["model", "tag"])
    found = clean[["model", "tag", "n_positive", name]].rename(columns={name: "clean"})
    rows = per_tag[(per_tag["severity"] > 0) & (per_tag["protocol"] == protocol)]
    if not len(rows):
        return found.reset_index(drop=True)
    # Means of means: a family with two directions or more levels weighs no more than another.
    step = rows.groupby(["model", "tag", "family", "severity"])["drop"].mean()
    family = step.groupby(["model", "tag", "family"]).mean().unstack("family")
    family.columns = [f"{name}_drop" for name in family.columns]
    family.insert(0, "drop", family.mean(axis=1))
    return found.merge(family.reset_index(), on=["model", "tag"], how="left")


def draw_tags(points: pd.DataFrame, listed: Sequence[Look], task: str) -> Figure:
    """Draw tags by model: the score on clean audio and, where there is one, the mean drop.

    Args:
        points: What `tag_scores` returned.
        listed: Models in the order of the columns.
        task: Decides what the score is.
    """
    counts = points.drop_duplicates("tag").sort_values(
        ["n_positive", "tag"], ascending=[False, True]
    )
    tags = list(counts["tag"])[:MOST_TAGS]
    models = [look.model for look in listed if look.model in set(points["model"])]
    panels = ["clean", "drop"] if "drop" in points else ["clean"]
    score = "F1" if task == "singlelabel" else "ROC-AUC"
    titles = {"clean": f"{score} on clean audio", "drop": f"mean drop in {score}"}
    side = 0.3 if len(models) <= COLUMNS * 4 else 0.24
    room = 0.055 * max(len(model) for model in models)  # for names on end
    figure, axes = new_figure(
        1.1 + max(1.5, side * len(models)) * len(panels),
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
        ax.set_xticks(range(len(models)), models, rotation=90, fontsize=6)
        names = tags if ax is axes[0] else []
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
    """Fill ``ax`` with a cell for each value of ``grid`` (R, C), its number inside; NaN is empty.

    Args:
        ax: Where.
        grid: Values.
        top: Distance from ``base`` that has the full colour.
        base: Value without colour.
        signed: Whether another colour begins below ``base``; without it there is none.
        size: Of the numbers, in points.
        places: Decimals of the numbers; the leading zero is left out.
    """
    known = [(r, c) for (r, c), value in np.ndenumerate(grid) if np.isfinite(value)]
    below = {at: signed and bool(grid[at] < base) for at in known}
    strength = {at: float(np.clip(abs(grid[at] - base) / top, 0.0, 1.0)) for at in known}
    strength |= {at: 0.0 for at in known if grid[at] < base and not signed}
    ax.add_collection(
        PatchCollection(
            [Rectangle((c - 0.5, r - 0.5), 1, 1) for r, c in known],
            facecolors=[to_rgba(COLOURS[int(below[at])], strength[at]) for at in known],
            edgecolors="none",
        )
    )
    for r, c in known:
        ink = "white" if strength[r, c] > 0.85 else INK
        text = f"{grid[r, c]:.{places}f}".replace("-0.", "-.").removeprefix("0")
        text = text if text.strip("-.0") else f".{'0' * places}"
        number = ax.text(c, r, text, ha="center", va="center_baseline", color=ink, fontsize=size)
        number.set_in_layout(False)  # inside its cell; measuring thousands takes long
    rows, columns = grid.shape
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    ax.tick_params(length=0, pad=1.5)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _range(grid: np.ndarray) -> tuple[float, float]:
    """Return where the shades of a score begin and how far they reach.

    Scores of exactly 0.5, those of a constant predictor, would press all others into one shade and
    are left aside, and so is the lowest fiftieth.
    """
    known = grid[np.isfinite(grid) & (np.abs(grid - 0.5) > 1e-6)]
    if not len(known):
        return 0.5, 0.5
    low, high = float(np.quantile(known, 0.02)), float(known.max())
    return low, max(high - low, 1e-6)


def _top(values: pd.Series | np.ndarray) -> float:
    known = np.abs(np.asarray(values, dtype=float))
    known = known[np.isfinite(known)]
    return max(float(known.max()), 1e-6) if len(known) else 1.0
