"""Write an explanation as arrays, tables and pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmark.predict.attention import Explanation
from benchmark.predict.time_plots import heat_map, save_picture, time_edges, write_table
from benchmark.report.figures.style import COLOURS
from datamodules.common.filesystem import replace_file

_CURVES = 5  # tags that are also drawn as lines


def write(explanation: Explanation, stem: Path, title: str, n_tags: int) -> list[Path]:
    """Write all files of an explanation.

    Args:
        explanation: Explanation of a clip.
        stem: Path of the files without their suffixes.
        title: Title of the pictures.
        n_tags: Number of tags in the picture of contributions, by descending probability.

    Returns:
        ``<stem>.npz`` with all arrays, ``<stem>.attention.{csv,png}`` and
        ``<stem>.contributions.{csv,png}``.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [
        stem.with_name(stem.name + suffix)
        for suffix in (
            ".npz",
            ".attention.csv",
            ".contributions.csv",
            ".attention.png",
            ".contributions.png",
        )
    ]
    _write_arrays(explanation, paths[0])
    received = _with_mean(explanation)  # (L, H + 1, T)
    n_layers, n_rows, _ = received.shape
    columns = [
        f"layer{layer}.{head}"
        for layer in range(1, n_layers + 1)
        for head in [*(f"head{head}" for head in range(1, n_rows)), "mean"]
    ]
    times = explanation.times
    write_table(paths[1], columns, times, received.reshape(-1, len(times)).T)
    write_table(paths[2], explanation.tags, times, explanation.contributions.T)
    _draw_attention(explanation, paths[3], title)
    _draw_contributions(explanation, paths[4], title, n_tags)
    return paths


def _with_mean(explanation: Explanation) -> np.ndarray:
    received = explanation.received
    return np.concatenate([received, received.mean(axis=1, keepdims=True)], axis=1)


def _write_arrays(explanation: Explanation, path: Path) -> None:
    content = io.BytesIO()
    np.savez(
        content,
        tags=np.asarray(explanation.tags, dtype=np.str_),
        times=explanation.times,
        probabilities=explanation.probabilities,
        attention=explanation.attention,
        received=explanation.received,
        contributions=explanation.contributions,
    )
    replace_file(path, content.getvalue())


def _draw_attention(explanation: Explanation, path: Path, title: str) -> None:
    """Draw one panel for each layer, with one row for each head and one for their mean."""
    received = _with_mean(explanation)
    n_layers, n_rows, _ = received.shape
    figure = Figure(
        figsize=(9.0, 0.8 + n_layers * (0.75 + 0.19 * n_rows)), dpi=150, layout="constrained"
    )
    panels = figure.subplots(n_layers, 1, sharex=True, squeeze=False)[:, 0]
    edges = time_edges(explanation.times, explanation.stop, explanation.start)
    labels = [*(f"head {head}" for head in range(1, n_rows)), "mean"]
    for at, (axes, values) in enumerate(zip(panels, received, strict=True), start=1):
        last = at == n_layers
        heat_map(axes, edges, values, labels, "attention")
        axes.axhline(n_rows - 1, color="white", linewidth=1.0)
        what = "of the class token" if last else "received from all tokens"
        axes.set_title(f"layer {at}: attention {what}", loc="left", fontsize=9)
    panels[-1].set_xlabel("time (s)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    save_picture(figure, path)


def _draw_contributions(explanation: Explanation, path: Path, title: str, n_tags: int) -> None:
    """Draw the tags with the highest probabilities as curves, above a heat map of more tags."""
    order = np.argsort(-explanation.probabilities, kind="stable")[:n_tags]
    figure = Figure(figsize=(9.0, 3.2 + 0.21 * len(order)), dpi=150, layout="constrained")
    heights = [2.0, 0.4 + 0.21 * len(order)]
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    for colour, at in zip(COLOURS, order[:_CURVES], strict=False):
        label = f"{explanation.tags[at]} ({explanation.probabilities[at]:.2f})"
        curve = explanation.contributions[at]
        upper.plot(explanation.times, curve, label=label, color=colour, linewidth=1.1)
    upper.set_ylim(0.0, 1.0)
    upper.set_ylabel("probability")
    upper.grid(visible=True, color="#d9d9da", linewidth=0.5)
    upper.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, fontsize=8, frameon=False)
    edges = time_edges(explanation.times, explanation.stop, explanation.start)
    rows = explanation.contributions[order]
    heat_map(lower, edges, rows, [explanation.tags[at] for at in order], "probability")
    lower.set_xlabel("time (s)")
    title = f"{title}: tags if the model attended to that moment only"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    save_picture(figure, path)
