"""Which figures a report has, each saved as PDF, PNG and the CSV of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.confusion import draw_confusion, shares
from benchmark.report.figures.heat_maps import draw_families, draw_tags, tag_scores
from benchmark.report.figures.pareto import draw_scatter
from benchmark.report.figures.protocols import beside, draw_protocols
from benchmark.report.figures.ranks import draw_ranks, rank_changes
from benchmark.report.figures.style import (
    INK,
    Look,
    curves,
    draw_curve,
    inline_svg,
    looks,
    new_figure,
    off_scale,
    save,
    style,
)
from benchmark.report.labels import family_title, main_drops, metric_title
from benchmark.report.sections.consistency import labelled
from benchmark.score.tables.io import primary_metric, to_csv
from benchmark.store.files import write_text as write
from benchmark.store.predictions import Tables

SUFFIXES = (".pdf", ".png", ".csv")

WIDE = ("families", "ranks", "protocols", "tags", "categories")
"""Pictures that take the width of the page; each is drawn where there is something to show."""


@dataclass(frozen=True)
class Drawn:
    """What the page shows: SVG by name, in reading order.

    Attributes:
        curves: Scores under perturbation.
        wide: Those of :data:`WIDE` that there are.
        confusion: A confusion matrix a model, by the model.
    """

    curves: dict[str, str]
    wide: dict[str, str]
    confusion: dict[str, str]


@dataclass
class _Folder:
    """Where figures go, and what has been written there."""

    path: Path
    written: set[Path] = field(default_factory=set)

    def keep(self, name: str, figure: Figure, frame: pd.DataFrame) -> None:
        """Write a figure and the numbers behind it."""
        path = self.path / name
        write(path.with_suffix(".csv"), to_csv(frame))
        self.written |= {path.with_suffix(".csv"), *save(figure, path)}

    def clear(self) -> None:
        """Remove the figures of an earlier run."""
        for stale in sorted(self.path.iterdir()):
            if stale.suffix in SUFFIXES and stale not in self.written:
                stale.unlink()


def draw_all(tables: Tables, folder: Path) -> Drawn:
    """Draw every figure of a dataset into ``folder``, removing those of an earlier run.

    Args:
        tables: What to draw.
        folder: Where.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metric = primary_metric(tables.task)
    board = tables.leaderboard.dropna(subset=["rank"])
    listed = looks([str(name) for name in board["model"]])
    shown = off_scale(board, listed)
    kept = _Folder(folder)
    if not labelled(tables):
        with style():
            drawn = Drawn({}, _moved(tables, kept), {})
        kept.clear()
        return drawn
    with style():
        drawn = Drawn(
            _curves(tables, board, listed, shown, kept),
            _wide(tables, listed, shown, kept),
            _matrices(tables, listed, kept),
        )
        if len(board):
            kept.keep("leaderboard", *_forest(board, listed, metric))
    kept.clear()
    return drawn


def _curves(
    tables: Tables,
    board: pd.DataFrame,
    listed: Sequence[Look],
    shown: Sequence[Look],
    kept: _Folder,
) -> dict[str, str]:
    """Draw the scores under perturbation: a figure a family, all of them, and the scatter."""
    pages: dict[str, str] = {}
    metric = primary_metric(tables.task)
    found = curves(tables.robustness, metric)
    if not found:
        return pages
    for curve in found:
        figure, (ax,) = new_figure(3.9, 2.7)
        draw_curve(ax, curve, shown, metric)
        name = f"degradation_{curve.family}"
        title = f"{metric_title(metric)} against {family_title(curve.family)}, a line a model"
        pages[name] = inline_svg(figure, title, name)
        _legend(figure, ax)
        kept.keep(name, figure, curve.points.drop(columns="tick"))
    figure, axes = _grid(len(found))
    for ax, curve in zip(axes, found, strict=False):
        draw_curve(ax, curve, shown, metric)
    for ax in axes[len(found) :]:
        ax.set_axis_off()
    _legend(figure, axes[0])
    joined = pd.concat([one.points.assign(family=one.family) for one in found])
    kept.keep("degradation", figure, joined.drop(columns="tick"))
    figure, points = draw_scatter(board, main_drops(tables)[1], shown, metric)
    name = "clean_against_robust"
    pages[name] = inline_svg(figure, "Score on clean audio against perturbed audio", name)
    _legend(figure, figure.axes[0])
    kept.keep(name, figure, points)
    kept.keep("drops", *_heat_map(tables.robustness, listed, metric))
    return pages


def _wide(
    tables: Tables,
    listed: Sequence[Look],
    shown: Sequence[Look],
    kept: _Folder,
) -> dict[str, str]:
    """Draw what needs the width of a page."""
    pages: dict[str, str] = {}
    metric = primary_metric(tables.task)

    def show(name: str, title: str, figure: Figure, points: pd.DataFrame) -> None:
        pages[name] = inline_svg(figure, title, name)
        kept.keep(name, figure, points)

    if (tables.robustness["severity"] > 0).any():
        figure, points = draw_families(tables.robustness, listed, metric)
        show("families", "Drop by family and severity, a panel a model", figure, points)
        points = rank_changes(tables.leaderboard, metric)
        if points["model"].nunique() > 1:
            show("ranks", "Place of each model by condition", draw_ranks(points, listed), points)
        points = beside(tables.robustness, tables.consistency, metric)
        if len(points):
            figure = draw_protocols(points, shown)
            show("protocols", "Published tests beside the suite and controls", figure, points)
    points = tag_scores(tables.per_tag, tables.task)
    if len(points):
        title = "Score and drop by tag and model"
        show("tags", title, draw_tags(points, listed, tables.task), points)
    if len(tables.per_category):
        named = {"category": "tag", "n_tags": "n_positive"}
        points = tag_scores(tables.per_category.rename(columns=named), "multilabel")
        title = "Score and drop by category of tags and model"
        figure = draw_tags(points, listed, "multilabel")
        show("categories", title, figure, points.rename(columns={v: k for k, v in named.items()}))
    return pages


def _moved(tables: Tables, kept: _Folder) -> dict[str, str]:
    """Draw what there is without labels: how far predictions move, by protocol."""
    points = beside(tables.robustness, tables.consistency, primary_metric(tables.task))
    if not len(points):
        return {}
    figure = draw_protocols(points, looks(list(dict.fromkeys(points["model"]))))
    page = inline_svg(figure, "Published tests beside the suite and controls", "protocols")
    kept.keep("protocols", figure, points)
    return {"protocols": page}


def _matrices(tables: Tables, listed: Sequence[Look], kept: _Folder) -> dict[str, str]:
    matrices: dict[str, str] = {}
    for look in listed:
        rows = tables.confusion[tables.confusion["model"] == look.model]
        if len(rows):
            points, name = shares(rows), f"confusion_{look.model}"
            figure = draw_confusion(points, look.model)
            title = f"Confusion matrix of {look.model}"
            matrices[look.model] = inline_svg(figure, title, name)
            kept.keep(name, figure, points)
    return matrices


def _legend(figure: Figure, ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    columns = max(1, int(figure.get_figwidth() // 1.6))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    rows = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.16 * rows)


def _grid(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 2)
    rows = -(-count // columns)
    return new_figure(3.5 * columns, 2.4 * rows, rows, columns)


def _forest(
    board: pd.DataFrame, listed: Sequence[Look], metric: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the clean score of every model with its interval, best on top."""
    points = board[["model", metric, f"{metric}_low", f"{metric}_high"]]
    figure, (ax,) = new_figure(4.6, 0.7 + 0.24 * len(points))
    for at, look in enumerate(listed):
        value, low, high = (float(x) for x in points.iloc[at, 1:])
        ax.plot([low, high], [at, at], color=look.colour, linewidth=1.6)
        ax.plot([value], [at], color=look.colour, marker=look.marker, linestyle="none")
    ax.set_yticks(range(len(points)), [look.model for look in listed])
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(f"{metric_title(metric)} on clean audio, 95 % interval")
    return figure, points


def _heat_map(
    robustness: pd.DataFrame, listed: Sequence[Look], metric: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the drop of every model under every condition as shades with numbers."""
    rows = robustness[(robustness["metric"] == metric) & (robustness["severity"] > 0)]
    name = rows["perturbation"].str.replace("_", " ") + " " + rows["severity"].astype(str)
    points = rows[["model", "protocol", "family", "perturbation", "severity", "drop"]]
    names = list(dict.fromkeys(name))
    wide = rows.assign(name=name).pivot_table(index="name", columns="model", values="drop")
    models = [look.model for look in listed]
    grid = wide.reindex(index=names, columns=models).to_numpy(float)
    room = 0.06 * max(len(model) for model in models)  # for names on end
    figure, (ax,) = new_figure(2.0 + 0.5 * len(models), 0.5 + room + 0.17 * len(names))
    top = float(np.nanmax(np.abs(grid))) if np.isfinite(grid).any() else 1.0
    ax.imshow(grid, cmap="Blues", vmin=0.0, vmax=max(top, 1e-6), aspect="auto")
    for (r, c), value in np.ndenumerate(grid):
        if np.isfinite(value):
            ink = "white" if value > 0.6 * top else INK
            ax.text(c, r, f"{value:.3f}", ha="center", va="center", color=ink, fontsize=5.5)
    ax.set_yticks(range(len(names)), names, fontsize=6)
    ax.set_xticks(range(len(models)), models, rotation=90, fontsize=6.5)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_title(f"drop in {metric_title(metric)} from clean", fontsize=8, loc="left")
    return figure, points
