"""Figures of a dataset: labels, durations, spectra, levels, and tracks in the plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.report.figures.labels import TAG_COLUMNS, inches, shorten_all
from benchmark.report.figures.style import COLOURS, INK, new_figure
from datamodules.corpus.track import SPLITS

Float64 = npt.NDArray[np.float64]

MOST_TAGS = 60
"""Rows of a figure; the tables have every tag."""

_PANELS = 8
_TITLE_COLUMNS = 20  # width of the title of a panel, without the number of clips
_DPI = 160  # resolution of the bitmaps within a vector drawing
_GREY = "#9a9ca1"  # a grey that is visible on a light and on a dark page
_ROW = 0.15  # inches
_LOWEST_HZ = 50.0
_BANDS = 96  # bands between that frequency and the highest one


def diverging() -> Colormap:
    """Return a colour map: blue below zero, orange above, transparent at zero."""
    below, above = to_rgb(COLOURS[0]), to_rgb(COLOURS[1])
    steps = np.linspace(-1.0, 1.0, 255)
    rows = [(*(below if step < 0 else above), abs(step)) for step in steps]
    return ListedColormap(rows, name="below-above").with_extremes(bad=(0, 0, 0, 0))


def tags(table: pd.DataFrame) -> Figure:
    """Draw the clips of each tag, stacked by split."""
    shown = table.head(MOST_TAGS)
    figure, (ax,) = _canvas(4.6 + _room(shown["tag"]), 0.8 + _ROW * len(shown))
    _stack(ax.barh, np.arange(len(shown), dtype=np.float64), shown, left="left")
    _name_rows(ax, shown["tag"])
    ax.set_xlabel("clips")
    ax.legend(loc="lower right")
    return figure


def tags_per_clip(table: pd.DataFrame) -> Figure:
    """Draw the distribution of the number of tags of a clip, stacked by split."""
    figure, (ax,) = _canvas(4.6, 2.6)
    _stack(ax.bar, table["tags"].to_numpy(), table, left="bottom")
    ax.grid(visible=False, axis="x")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("tags of a clip")
    ax.set_ylabel("clips")
    ax.legend()
    return figure


def durations(table: pd.DataFrame) -> Figure:
    """Draw the distribution of the durations, stacked by split."""
    figure, (ax,) = _canvas(4.6, 2.6)
    width = (table["to_seconds"] - table["from_seconds"]).to_numpy()
    middle = (table["to_seconds"] + table["from_seconds"]).to_numpy() / 2
    _stack(ax.bar, middle, table, left="bottom", width=width * 0.96)
    if len(table) == 1:  # With a single duration and no limits, the bar would fill the figure.
        ax.set_xlim(middle[0] - 3, middle[0] + 3)
    ax.grid(visible=False, axis="x")
    ax.set_xlabel("length (s)")
    ax.set_ylabel("clips")
    ax.legend()
    return figure


def groups(table: pd.DataFrame) -> Figure:
    """Draw the number of artists, albums and songs of each split, and how many it shares."""
    shown = table[table["groups"] > 0]
    figure, axes = _canvas(4.6, 0.6 + 0.75 * len(shown), len(shown))
    for ax, (_, row) in zip(axes, shown.iterrows(), strict=True):
        counts = [row[split] for split in SPLITS]
        shared = [row[f"{split}_shared"] for split in SPLITS]
        at = np.arange(len(SPLITS))
        ax.barh(at, counts, color=COLOURS[: len(SPLITS)], height=0.75, alpha=0.45)
        ax.barh(at, shared, color=COLOURS[: len(SPLITS)], height=0.75)
        for place, (count, both) in enumerate(zip(counts, shared, strict=True)):
            ax.text(count, place, f" {count:,}, {both:,} shared", va="center", fontsize=6.5)
        ax.set_xlim(0, 1.35 * max(counts))
        _name_rows(ax, SPLITS)
        ax.set_title(f"{row['group']}s", fontsize=8, loc="left")
    return figure


def correlations(matrix: Float64, names: Sequence[str]) -> Figure:
    """Draw the correlation of tags; correlated tags are adjacent.

    Args:
        matrix: (C, C).
        names: Names of its rows and columns (C,).
    """
    order = _side_by_side(matrix)
    shown = matrix[np.ix_(order, order)].copy()
    np.fill_diagonal(shown, np.nan)
    size = 6.5 if len(order) <= 40 else 5.5
    labels = shorten_all([names[at] for at in order], TAG_COLUMNS)
    side = max(1.6, 0.9 + inches(labels, size)) + 0.115 * len(order)
    figure, (ax,) = _canvas(max(side, 4.0) + 0.5, max(side, 4.0))
    top = float(np.nanmax(np.abs(shown))) if np.isfinite(shown).any() else 1.0
    image = ax.imshow(
        shown, cmap=diverging(), vmin=-top, vmax=top, interpolation="nearest", aspect="auto"
    )
    ax.set_xticks(range(len(order)), labels, rotation=90, fontsize=size)
    ax.set_yticks(range(len(order)), labels, fontsize=size)
    _plain(ax)
    _colour_bar(figure, ax, image, "correlation")
    return figure


def spectra(hertz: Float64, mean: Float64, per_tag: Float64, names: Sequence[str]) -> Figure:
    """Draw the mean spectrum, and below it the difference of each tag from it.

    Args:
        hertz: Frequencies (F,).
        mean: Mean spectrum of all clips in dB (F,).
        per_tag: Mean spectrum of each tag in dB (C, F).
        names: Names of the tags (C,).
    """
    edges, bands = _log_bands(hertz, np.vstack([mean, per_tag]))
    # Subtracting the mean over frequency removes the difference in loudness.
    apart = bands[1:] - bands[0]
    apart -= apart.mean(axis=1, keepdims=True)
    order = np.argsort(apart @ np.linspace(-1, 1, apart.shape[1]), kind="stable")
    figure = new_figure(5.4 + _room(names), 1.9 + _ROW * len(names))[0]
    figure.clear()
    figure.set_dpi(_DPI)
    upper, lower = figure.subplots(
        2, 1, sharex=True, height_ratios=[1.0, max(0.6, _ROW * len(names))]
    )
    upper.stairs(bands[0], edges, baseline=None, color=COLOURS[0])
    upper.set_ylabel("all clips (dB)")
    top = max(1.0, float(np.percentile(np.abs(apart), 99.5)))
    image = lower.pcolormesh(
        edges,
        np.arange(len(names) + 1) - 0.5,
        apart[order],
        cmap=diverging(),
        vmin=-top,
        vmax=top,
        rasterized=True,
    )
    lower.set_xscale("log")
    lower.set_xlim(edges[0], edges[-1])
    ticks = [tick for tick in (100, 200, 500, 1000, 2000, 5000, 10000) if tick <= edges[-1]]
    lower.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    lower.minorticks_off()
    lower.set_xlabel("frequency (Hz)")
    _name_rows(lower, [names[at] for at in order])
    _plain(lower)
    _colour_bar(figure, lower, image, "from all clips (dB)")
    return figure


def variance(table: pd.DataFrame) -> Figure:
    """Draw median and quartiles of the sample variance of the clips of each tag."""
    shown = table.head(MOST_TAGS).sort_values("median_db", ascending=False, kind="stable")
    figure, (ax,) = _canvas(4.6 + _room(shown["tag"]), 0.8 + _ROW * len(shown))
    at = np.arange(len(shown))
    ax.hlines(at, shown["low_db"], shown["high_db"], color=COLOURS[0], linewidth=1.6)
    ax.plot(shown["median_db"], at, color=COLOURS[0], marker="o", linestyle="none")
    _name_rows(ax, shown["tag"])
    ax.set_xlabel("variance of the samples: quartiles, median\n(dB re full scale)")
    return figure


def plane(
    points: Float64, labels: npt.NDArray[np.uint8], names: Sequence[str], axes: str
) -> Figure:
    """Draw clips in the plane, one panel for each of the most frequent tags.

    Args:
        points: (N, 2).
        labels: 0 or 1 (N, C).
        names: Names of the tags (C,).
        axes: Label of the axes.
    """
    order = np.argsort(-labels.sum(axis=0, dtype=np.int64), kind="stable")[:_PANELS]
    columns = min(4, len(order))
    rows = -(-len(order) // columns)
    figure, panels = _canvas(1.9 * columns, 1.95 * rows, rows, columns)
    # One scale on both axes, without outliers, which would compress all other points.
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    middle, reach = (low + high) / 2, 0.55 * float((high - low).max()) or 1.0
    size = float(np.clip(900 / len(points), 2.0, 14.0))
    titles = shorten_all([names[tag] for tag in order], _TITLE_COLUMNS)
    for panel, tag, title in zip(panels, order, titles, strict=False):
        own = labels[:, tag] > 0
        for mask, colour, alpha in ((~own, _GREY, 0.45), (own, COLOURS[1], 0.75)):
            panel.scatter(
                points[mask, 0],
                points[mask, 1],
                s=size,
                color=colour,
                alpha=alpha,
                linewidths=0,
                rasterized=True,
            )
        panel.set_title(f"{title} ({int(own.sum())})", fontsize=8, loc="left")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_xlim(middle[0] - reach, middle[0] + reach)
        panel.set_ylim(middle[1] - reach, middle[1] + reach)
    for panel in panels[len(order) :]:
        panel.set_axis_off()
    figure.supxlabel(axes, fontsize=8, color=INK)
    return figure


def _canvas(
    width: float, height: float, rows: int = 1, columns: int = 1
) -> tuple[Figure, list[Axes]]:
    figure, axes = new_figure(width, height, rows, columns)
    figure.set_dpi(_DPI)
    return figure, axes


def _room(names: Sequence[str] | pd.Series) -> float:
    """Return the width in inches that labels of rows need beyond the usual."""
    return max(0.0, inches(shorten_all(list(names), TAG_COLUMNS), 6.5) - 1.4)


def _stack(
    draw: Callable[..., object], at: Float64, table: pd.DataFrame, left: str, **options: object
) -> None:
    base = np.zeros(len(table))
    for split, colour in zip(SPLITS, COLOURS, strict=False):
        counts = table[split].to_numpy()
        if counts.any():
            draw(at, counts, color=colour, label=split, **{left: base, **options})
        base = base + counts


def _name_rows(ax: Axes, names: Sequence[str] | pd.Series) -> None:
    """Label the rows of a figure, the first on top."""
    ax.set_yticks(range(len(names)), shorten_all(list(names), TAG_COLUMNS), fontsize=6.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")


def _plain(ax: Axes) -> None:
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _colour_bar(figure: Figure, ax: Axes, image: object, meaning: str) -> None:
    bar = figure.colorbar(image, ax=ax, label=meaning, pad=0.02, aspect=30, shrink=0.6)  # type: ignore[arg-type]
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)


def _log_bands(hertz: Float64, levels: Float64) -> tuple[Float64, Float64]:
    """Average levels (N, F) over bands of equal width in octaves; bands without a bin are left out.

    Returns:
        Edges of the bands in Hz (B + 1,) and levels (N, B).
    """
    wanted = np.geomspace(_LOWEST_HZ, hertz[-1], _BANDS + 1)
    starts = np.unique(np.searchsorted(hertz, wanted[:-1]))
    sizes = np.diff(starts, append=len(hertz))
    bands = np.add.reduceat(levels, starts, axis=1) / sizes
    return np.append(hertz[starts], hertz[-1] + hertz[1]), bands


def _side_by_side(matrix: Float64) -> list[int]:
    """Return an order of rows in which correlated tags are adjacent."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(matrix) < 3:
        return list(range(len(matrix)))
    finite = np.nan_to_num(matrix)
    apart = 1.0 - (finite + finite.T) / 2
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), "average", optimal_ordering=True)
    return [int(at) for at in leaves_list(tree)]
