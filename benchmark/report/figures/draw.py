"""The figures of a report, each saved as PDF, PNG and the CSV of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.confusion import draw_confusion, shares
from benchmark.report.figures.degradation import curves, draw_curve
from benchmark.report.figures.forest import draw_leaderboard
from benchmark.report.figures.heat_maps import draw_drops, draw_families, draw_tags, tag_scores
from benchmark.report.figures.labels import MODEL_COLUMNS, inches, shorten_all
from benchmark.report.figures.pareto import draw_scatter
from benchmark.report.figures.precision_recall import draw_precision_recall
from benchmark.report.figures.protocols import draw_protocols, protocol_comparison
from benchmark.report.figures.ranks import draw_ranks, rank_changes
from benchmark.report.figures.robust_training import draw_robust_training
from benchmark.report.figures.style import (
    ModelStyle,
    figure_style,
    inline_svg,
    model_styles,
    new_figure,
    plottable,
    save,
)
from benchmark.report.labels import (
    family_title,
    file_part,
    has_labels,
    main_drops,
    metric_title,
    records,
)
from benchmark.score.metrics import primary_metric
from benchmark.store.files import write_text as write
from benchmark.store.tables import Tables, to_csv

SUFFIXES = (".pdf", ".png", ".csv")

WIDE = (
    *("families", "robust_training", "ranks", "protocols", "tags", "categories"),
    "precision_recall",
)
"""Figures of the width of the page; each is drawn where its tables have rows."""


COMPARISON = "Published tests compared with the suite and controls"


@dataclass(frozen=True)
class Drawn:
    """The figures of a page, as SVG by name, in reading order.

    Attributes:
        curves: Scores under perturbation.
        wide: Those of :data:`WIDE` that were drawn.
        confusion: One confusion matrix per model.
        missing: Characters of names for which no installed font has a glyph.
    """

    curves: dict[str, str] = field(default_factory=dict)
    wide: dict[str, str] = field(default_factory=dict)
    confusion: dict[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass
class _Folder:
    """The folder of the figures, and the files written to it."""

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
    """Draw every figure of a dataset into ``folder``, and remove those of an earlier run.

    Args:
        tables: Tables of the dataset.
        folder: Folder of the figures; created where absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    board = tables.leaderboard.dropna(subset=["rank"])
    styles = model_styles([str(name) for name in board["model"]])
    plotted = plottable(board, styles)
    files = _Folder(folder)
    with figure_style(_names(tables)) as missing:
        if has_labels(tables):
            drawn = Drawn(
                _curves(tables, board, styles, plotted, files),
                _wide(tables, styles, plotted, files),
                _matrices(tables, styles, files),
                missing,
            )
            if len(board):
                metric = primary_metric(tables.task)
                files.keep("leaderboard", *draw_leaderboard(board, styles, metric))
        else:
            drawn = Drawn(wide=_unlabelled(tables, files), missing=missing)
    files.clear()
    return drawn


def _names(tables: Tables) -> set[str]:
    """Return the names that figures print: models, tags, categories and perturbations."""
    frames = {
        "model": (tables.leaderboard, tables.consistency),
        "tag": (tables.per_tag,),
        "category": (tables.per_category,),
        "perturbation": (tables.robustness,),
    }
    return {
        str(name)
        for column, sources in frames.items()
        for frame in sources
        if column in frame
        for name in frame[column].dropna().unique()
    }


def _curves(
    tables: Tables,
    board: pd.DataFrame,
    styles: Sequence[ModelStyle],
    plotted: Sequence[ModelStyle],
    files: _Folder,
) -> dict[str, str]:
    """Draw the scores under perturbation: one figure per family, all in one, and the scatter."""
    pages: dict[str, str] = {}
    metric = primary_metric(tables.task)
    arranged = curves(tables.robustness, metric)
    if not arranged:
        return pages
    for curve in arranged:
        figure, (ax,) = new_figure(3.9, 2.7)
        draw_curve(ax, curve, plotted, metric)
        name = f"degradation_{curve.family}"
        title = f"{metric_title(metric)} against {family_title(curve.family)}, one line per model"
        pages[name] = inline_svg(figure, title, name)
        _legend(figure, ax)
        files.keep(name, figure, curve.points.drop(columns="tick"))
    figure, axes = _grid(len(arranged))
    for ax, curve in zip(axes, arranged, strict=False):
        draw_curve(ax, curve, plotted, metric)
    for ax in axes[len(arranged) :]:
        ax.set_axis_off()
    _legend(figure, axes[0])
    all_points = pd.concat([curve.points.assign(family=curve.family) for curve in arranged])
    files.keep("degradation", figure, all_points.drop(columns="tick"))
    figure, points = draw_scatter(board, main_drops(tables)[1], plotted, metric)
    name = "clean_against_robust"
    pages[name] = inline_svg(figure, "Score on clean audio against perturbed audio", name)
    _legend(figure, figure.axes[0])
    files.keep(name, figure, points)
    files.keep("drops", *draw_drops(tables.robustness, styles, metric))
    return pages


def _wide(
    tables: Tables,
    styles: Sequence[ModelStyle],
    plotted: Sequence[ModelStyle],
    files: _Folder,
) -> dict[str, str]:
    """Draw the figures of the width of a page."""
    pages: dict[str, str] = {}
    metric = primary_metric(tables.task)

    def show(name: str, title: str, figure: Figure, points: pd.DataFrame) -> None:
        pages[name] = inline_svg(figure, title, name)
        files.keep(name, figure, points)

    if (tables.robustness["severity"] > 0).any():
        figure, points = draw_families(tables.robustness, styles, metric)
        show("families", "Drop by family and severity, one panel per model", figure, points)
        points = tables.robust_training
        if len(points):
            title = "Drop by what a model was trained on and what it is tested on"
            show("robust_training", title, draw_robust_training(points, metric), points)
        points = rank_changes(tables, metric)
        if points["model"].nunique() > 1:
            show("ranks", "Place of each model by condition", draw_ranks(points, styles), points)
        points = protocol_comparison(tables.robustness, tables.consistency, metric)
        if len(points):
            figure = draw_protocols(points, plotted)
            show("protocols", COMPARISON, figure, points)
    points = tables.precision_recall
    if len(points):
        board = records(tables.leaderboard)
        areas = {row["model"]: float(row["pr_auc_micro"]) for row in board}
        figure = draw_precision_recall(points, styles, areas)
        _legend(figure, figure.axes[0])
        show("precision_recall", "Precision against recall, one line per model", figure, points)
    points = tag_scores(tables.per_tag, tables.task)
    if len(points):
        title = "Score and drop by tag and model"
        show("tags", title, draw_tags(points, styles, tables.task), points)
    if len(tables.per_category):
        named = {"category": "tag", "n_tags": "n_positive"}
        points = tag_scores(tables.per_category.rename(columns=named), "multilabel")
        title = "Score and drop by category of tags and model"
        figure = draw_tags(points, styles, "multilabel")
        show("categories", title, figure, points.rename(columns={v: k for k, v in named.items()}))
    return pages


def _unlabelled(tables: Tables, files: _Folder) -> dict[str, str]:
    """Draw the figure that needs no labels: change of the predictions, by protocol."""
    points = protocol_comparison(tables.robustness, tables.consistency, primary_metric(tables.task))
    if not len(points):
        return {}
    figure = draw_protocols(points, model_styles(list(dict.fromkeys(points["model"]))))
    page = inline_svg(figure, COMPARISON, "protocols")
    files.keep("protocols", figure, points)
    return {"protocols": page}


def _matrices(tables: Tables, styles: Sequence[ModelStyle], files: _Folder) -> dict[str, str]:
    matrices: dict[str, str] = {}
    for model in (style.model for style in styles):
        rows = tables.confusion[tables.confusion["model"] == model]
        if len(rows):
            points, name = shares(rows), f"confusion_{file_part(model)}"
            figure = draw_confusion(points, model)
            title = f"Confusion matrix of {model}"
            matrices[model] = inline_svg(figure, title, name)
            files.keep(name, figure, points)
    return matrices


def _legend(figure: Figure, ax: Axes) -> None:
    handles, names = ax.get_legend_handles_labels()
    labels = shorten_all(names, MODEL_COLUMNS)
    width = max(1.6, 0.55 + inches(labels, 7.0))
    columns = max(1, int(figure.get_figwidth() // width))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    rows = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.16 * rows)


def _grid(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 2)
    rows = -(-count // columns)
    return new_figure(3.5 * columns, 2.4 * rows, rows, columns)
