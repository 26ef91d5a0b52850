"""Figures of a report, drawn from its tables; the same tables give the same bytes.

Models differ in colour, marker and dash, so that curves stay apart in grey and for colour-blind
readers (palette of Okabe & Ito 2008). Text and grid carry marker colours that
:func:`inline_svg` turns into CSS, so that one drawing fits a light and a dark page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
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

from benchmark.perturbations import axis_of
from benchmark.report.labels import family_title, metric_title

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
DASHES = ("-", "--", "-.", ":")

CHAIN = "chain"
"""Family of perturbations that are several of the suite in a row."""

INK, GRID = "#1b1b1c", "#d9d9da"
"""Colours of text and of grid lines; unlike anything else in a figure."""

DPI = 200
"""Resolution of bitmaps."""

_STYLE: dict[Any, Any] = {
    "text.hinting": "none",
    "text.parse_math": False,  # a name may hold dollar signs
    "svg.fonttype": "none",
    "svg.hashsalt": "tagbench",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
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
class Look:
    """How a model is drawn, in every figure alike."""

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


def looks(models: Sequence[str]) -> list[Look]:
    """Give each model its colour, marker and dash, in the order of the leaderboard."""
    return [
        Look(
            model,
            COLOURS[at % len(COLOURS)],
            MARKERS[at % len(MARKERS)],
            DASHES[at // len(COLOURS) % len(DASHES)],
            f"series-{at}",
        )
        for at, model in enumerate(models)
    ]


def off_scale(board: pd.DataFrame, listed: Sequence[Look]) -> list[Look]:
    """Return the models that curves show: all but those without any ranking ability.

    A constant predictor has ROC-AUC 0.5 under every condition; drawing it would squeeze all other
    curves into the top of the figure.
    """
    constant = set(board.loc[(board["roc_auc"] - 0.5).abs() < 1e-6, "model"])
    rest = [look for look in listed if look.model not in constant]
    return rest or list(listed)


@contextmanager
def style() -> Iterator[None]:
    """Draw with the settings of this module, leaving the caller's alone."""
    with mpl.rc_context(_STYLE):
        yield


@dataclass(frozen=True)
class Curve:
    """Points of one family: a frame with ``model, x, tick, value, low, high``, and the axis."""

    family: str
    label: str
    points: pd.DataFrame


def curves(robustness: pd.DataFrame, metric: str) -> list[Curve]:
    """Arrange one metric of ``robustness.csv`` along the physical axis of every family."""
    rows = robustness[robustness["metric"] == metric]
    # A chain has no axis: its links change several things at once.
    perturbed = rows[(rows["severity"] > 0) & (rows["family"] != CHAIN)]
    pairs = perturbed[["protocol", "family"]].drop_duplicates().itertuples(index=False)
    found = []
    for protocol, family in sorted(pairs, key=lambda pair: (pair[0] != "suite", *pair)):
        clean = rows[rows["severity"] == 0]
        clean = clean.iloc[np.argsort(clean["protocol"] != protocol, kind="stable")]
        own = perturbed[(perturbed["protocol"] == protocol) & (perturbed["family"] == family)]
        found.append(_curve(own, clean.drop_duplicates("model"), protocol, family))
    # An engine at rest lies where clean audio does: a point is no curve.
    return [curve for curve in found if curve.points["x"].nunique() > 1]


def _curve(rows: pd.DataFrame, clean: pd.DataFrame, protocol: str, family: str) -> Curve:
    unit = "" if rows["unit"].isna().iloc[0] else str(rows["unit"].iloc[0])
    axis = axis_of(str(rows["perturbation"].iloc[0]), unit)
    points = rows[["model", "value", "low", "high", "level", "severity"]].copy()
    points["tick"] = [(axis.tick if axis else "{:g}").format(level) for level in points["level"]]
    if axis is None or axis.scale == "ordinal":
        points["x"] = points["severity"].astype(float)
        origin = 0.0
    else:
        points["x"] = [axis.position(level) for level in points["level"]]
        # Clean audio has no place on a ratio to nothing: one more step beyond the mildest level.
        near = sorted(set(points["x"]))
        step = near[1] - near[0] if len(near) > 1 else 1.0
        origin = near[0] - step if axis.clean is None else axis.position(axis.clean)
    start = clean[["model", "value", "low", "high"]].copy()
    start["x"], start["tick"], start["level"], start["severity"] = origin, "clean", np.nan, 0
    name = family if protocol == "suite" else f"{protocol}_{family}"
    label = axis.label if axis else f"severity ({unit})" if unit else "severity"
    both = pd.concat([part for part in (start, points) if len(part)], ignore_index=True)
    return Curve(name, label, both.sort_values(["model", "x"], kind="stable"))


def draw_curve(ax: Axes, curve: Curve, shown: Sequence[Look], metric: str) -> None:
    """Draw one family: a line per model with its 95 % band."""
    for look in shown:
        own = curve.points[curve.points["model"] == look.model].dropna(subset=["value"])
        if not len(own):
            continue
        x, y = own["x"].to_numpy(float), own["value"].to_numpy(float)
        low, high = own["low"].to_numpy(float), own["high"].to_numpy(float)
        band = ax.fill_between(x, low, high, color=look.colour, alpha=0.13, linewidth=0)
        band.set_gid(f"{look.gid}-band")
        line = ax.plot(x, y, color=look.colour, marker=look.marker, linestyle=look.dash)[0]
        line.set_gid(f"{look.gid}-line")
        line.set_label(look.model)
    ticks = curve.points.drop_duplicates("x")[["x", "tick"]]
    keep = _spaced(ticks["x"].tolist(), set(ticks.loc[ticks["tick"] == "clean", "x"]))
    names = dict(zip(ticks["x"], ticks["tick"], strict=True))
    ax.set_xticks(keep, [names[x] for x in keep])
    ax.set_xlabel(curve.label)
    ax.set_ylabel(metric_title(metric))
    ax.set_title(family_title(curve.family), fontsize=9, loc="left")


def _spaced(positions: Sequence[float], must: set[float], share: float = 0.12) -> list[float]:
    """Leave out ticks that would overlap, never the one of clean audio."""
    span = max(positions) - min(positions) or 1.0
    kept = sorted(must)
    outward = sorted(set(positions) - must, key=lambda x: -abs(x - (kept[0] if kept else 0.0)))
    for x in outward:
        if all(abs(x - other) >= share * span for other in kept):
            kept.append(x)
    return sorted(kept)


def new_figure(
    width: float,
    height: float,
    rows: int = 1,
    columns: int = 1,
    height_ratios: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure in inches, apart from pyplot's global state, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=height_ratios)
    return figure, [ax for row in grid for ax in row]


def inline_svg(figure: Figure, title: str, key: str) -> str:
    """Return the figure as SVG for an HTML page: own ids, colours that follow the page.

    Args:
        figure: What to draw.
        title: What a screen reader says.
        key: Prefix that keeps its ids apart from those of other figures on the page.
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
    figure.set_dpi(DPI)  # text is a little wider or narrower at each resolution
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once; each format would do it again
    figure.savefig(pdf, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    figure.savefig(png, dpi=DPI, metadata={"Software": None})
    return [pdf, png]
