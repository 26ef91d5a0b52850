"""Draw the two pictures of README.md from the results of ``make benchmark``.

``python docs/extensions/readme_images.py results`` writes them to ``docs/images/``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.figures.degradation import curves, draw_curve
from benchmark.report.figures.forest import draw_leaderboard
from benchmark.report.figures.style import figure_style, model_styles, new_figure, plottable
from benchmark.store import open_results
from benchmark.store.tables import Tables

IMAGES = Path(__file__).resolve().parents[1] / "images"
DPI = 130


def degradation(tables: Tables, board: pd.DataFrame) -> Figure:
    """Draw the ROC-AUC of each trained model against the level of each family."""
    styles = plottable(board, model_styles([str(name) for name in board["model"]]))
    arranged = curves(tables.robustness, "roc_auc")
    figure, axes = new_figure(7.6, 2.3, 1, len(arranged))
    for ax, curve in zip(axes, arranged, strict=True):
        draw_curve(ax, curve, styles, "roc_auc")
    axes[0].legend(loc="lower left")
    return figure


def main(results: str) -> None:
    """Write both pictures.

    Args:
        results: Results folder with the dataset ``synth``.
    """
    tables = open_results(results)["synth"].tables
    board = tables.leaderboard.dropna(subset=["rank"])
    IMAGES.mkdir(exist_ok=True)
    with figure_style():
        styles = model_styles([str(name) for name in board["model"]])
        drawn = {
            "leaderboard": draw_leaderboard(board, styles, "roc_auc")[0],
            "degradation": degradation(tables, board),
        }
        drawn["leaderboard"].axes[0].margins(y=0.2)
        for name, figure in drawn.items():
            figure.savefig(IMAGES / f"{name}.png", dpi=DPI, facecolor="white")


if __name__ == "__main__":
    main(sys.argv[1])
