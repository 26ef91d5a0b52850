"""Style of the figures, and how they are saved: the same tables give the same bytes.

Models differ in colour, marker and dash, so that curves stay apart in grey and for colour-blind
readers (palette of Okabe & Ito 2008). Text and grid carry marker colours that
:func:`inline_svg` turns into CSS, so that one drawing fits a light and a dark page.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle

from benchmark.report.figures.labels import MAIN_FONT, fallback_fonts
from datamodules.common.filesystem import open_atomic

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
DASHES = ("-", "--", "-.", ":")

INK, GRID = "#1b1b1c", "#d9d9da"
"""Colours of text and of grid lines, which no other part of a figure has."""

DPI = 200
"""Resolution of bitmaps."""

_STYLE: dict[Any, Any] = {
    "text.hinting": "none",
    "text.parse_math": False,  # a name may hold dollar signs
    "svg.fonttype": "none",
    "svg.hashsalt": "tagbench",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": [MAIN_FONT],
    "font.size": 8.0,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.0,
    "legend.handlelength": 3.0,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
}


@dataclass(frozen=True)
class ModelStyle:
    """Colour, marker and dash of a model, equal in every figure.

    Attributes:
        model: Its name.
        colour: Hexadecimal colour.
        marker: Marker of matplotlib.
        dash: Line style of matplotlib.
        gid: Identifier in an SVG drawing.
    """

    model: str
    colour: str
    marker: str
    dash: str
    gid: str

    @property
    def points(self) -> str:
        """The marker as points of an SVG polygon around the centre of a 26 by 12 key."""
        style = MarkerStyle(self.marker)
        outline = style.get_path().transformed(style.get_transform()).to_polygons()[0]
        reach = float(np.abs(outline).max())
        corners = (np.asarray(outline) / reach * (4.5, -4.5) + (13, 6)).round(1)
        return " ".join(f"{x:g},{y:g}" for x, y in corners)


def model_styles(models: Sequence[str]) -> list[ModelStyle]:
    """Give each model its colour, marker and dash, in the order of the leaderboard."""
    return [
        ModelStyle(
            model,
            COLOURS[at % len(COLOURS)],
            MARKERS[at % len(MARKERS)],
            DASHES[at // len(COLOURS) % len(DASHES)],
            f"series-{at}",
        )
        for at, model in enumerate(models)
    ]


def plottable(board: pd.DataFrame, styles: Sequence[ModelStyle]) -> list[ModelStyle]:
    """Return the models that curves show: all but constant predictors.

    A constant predictor has ROC-AUC 0.5 under every condition. Drawing it would compress all other
    curves into the top of the figure.
    """
    constant = set(board.loc[(board["roc_auc"] - 0.5).abs() < 1e-6, "model"])
    varying = [style for style in styles if style.model not in constant]
    return varying or list(styles)


@contextmanager
def figure_style(texts: Iterable[str] = ()) -> Iterator[str]:
    """Use the settings of this module within the context.

    Args:
        texts: Names that the figures print; fonts are chosen so that they have glyphs.

    Yields:
        The characters for which no installed font has a glyph.
    """
    families, missing = fallback_fonts(texts)
    fallback: dict[Any, Any] = {"font.family": ["sans-serif", *families]} if families else {}
    with mpl.rc_context({**_STYLE, **fallback}), warnings.catch_warnings():
        # The report names the missing glyphs once; matplotlib warns for each in each figure.
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from")
        with _quiet("fontTools.subset", "matplotlib.font_manager"):
            yield missing


@contextmanager
def _quiet(*loggers: str) -> Iterator[None]:
    """Log errors only: for a fallback font, unused tables and missing weights are logged too."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def new_figure(
    width: float,
    height: float,
    rows: int = 1,
    columns: int = 1,
    height_ratios: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of a size in inches, without pyplot's global state, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=height_ratios)
    return figure, [ax for row in grid for ax in row]


def inline_svg(figure: Figure, title: str, key: str) -> str:
    """Return the figure as SVG for an HTML page, with unique ids and the colours of the page.

    Args:
        figure: The figure.
        title: Description for screen readers.
        key: Prefix of its ids, unique on the page.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="(series-\d+)-(band|line)">', r'<g class="\1 \2">', text)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = text.replace(INK, "currentColor").replace(GRID, "var(--grid)")
    text = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', _opening(title), text, count=1)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{key}-", text)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def _opening(title: str) -> str:
    plain = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    link = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return rf'<svg {link} viewBox="\1" role="img" aria-label="{plain}">'


def save(figure: Figure, path: Path) -> list[Path]:
    """Write ``path`` with the suffixes ``.pdf`` (vector) and ``.png``.

    Returns:
        The files.
    """
    pdf, png = path.with_suffix(".pdf"), path.with_suffix(".png")
    figure.set_dpi(DPI)  # text width depends on the resolution
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # lay out once, not once per format
    dates: dict[str, Any] = {"CreationDate": None, "Creator": None, "Producer": None}
    with open_atomic(pdf, sync=False) as file:
        figure.savefig(file, format="pdf", metadata=dates)
    with open_atomic(png, sync=False) as file:
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return [pdf, png]
