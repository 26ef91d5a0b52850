"""CSV files and heat maps of values that change over a track."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datamodules.common.filesystem import replace_file

Float64 = NDArray[np.float64]


def write_table(
    path: Path, columns: Sequence[str], times: Float64, rows: Iterable[Iterable[float]]
) -> None:
    """Write a CSV whose first column is the time in seconds.

    Args:
        path: File to write.
        columns: Names of the other columns.
        times: Time of each row.
        rows: Values of the other columns.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("seconds", *columns))
    for time, row in zip(times, rows, strict=True):
        writer.writerow([f"{time:.3f}", *(f"{value:.6f}" for value in row)])
    replace_file(path, text.getvalue().encode())


def heat_map(
    axes: Axes,
    edges: Float64,
    values: NDArray[Any],
    labels: Sequence[str],
    meaning: str,
    pad: float = 0.01,
    aspect: float = 30.0,
) -> Colorbar:
    """Draw rows of values over time, the first on top, with a colour bar.

    Args:
        axes: Axes to draw on.
        edges: Edges of the cells in seconds (T + 1,).
        values: Non-negative values (rows, T).
        labels: Names of the rows.
        meaning: Label of the colour bar.
        pad: Space between the map and the colour bar.
        aspect: Height of the colour bar, relative to its width.

    Returns:
        The colour bar.
    """
    top = max(float(values.max()), 1e-6)
    image = axes.pcolormesh(
        edges, np.arange(len(labels) + 1), values, cmap="magma", vmin=0.0, vmax=top
    )
    axes.set_yticks(np.arange(len(labels)) + 0.5, list(labels))
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    return axes.figure.colorbar(image, ax=axes, label=meaning, pad=pad, aspect=aspect)


def time_edges(centres: Float64, stop: float, start: float = 0.0) -> Float64:
    """Return the edges (N + 1,) of cells around ascending ``centres`` (N,), from start to stop."""
    inner = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[start], inner, [stop]])


def save_picture(figure: Figure, path: Path) -> None:
    """Write a PNG file; equal figures give equal bytes."""
    content = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(content, format="png", metadata={"Software": None})
    replace_file(path, content.getvalue())
