"""Write an explanation as arrays, tables and pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.predict.attention import Explanation
from benchmark.predict.clip import Part
from benchmark.predict.time_plots import heat_map, save_picture, time_edges, write_table
from benchmark.report.figures.style import COLOURS
from datamodules.common.filesystem import replace_file

_CURVES = 5  # tags that are also drawn as lines
_NAME_CHARACTERS = 96  # that fit below the time axis
_MEAN_HEIGHT = 1.4  # of the mean over heads, in rows


def write(
    explanation: Explanation, stem: Path, title: str, n_tags: int, parts: Sequence[Part] = ()
) -> list[Path]:
    """Write all files of an explanation.

    Args:
        explanation: Explanation of a clip.
        stem: Path of the files without their suffixes.
        title: Title of the pictures.
        n_tags: Number of tags in the picture of contributions, by descending probability.
        parts: Files that the clip is made of; where there are several, the pictures show where each
            starts.

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
    _write_arrays(explanation, paths[0], parts)
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
    _draw_attention(explanation, paths[3], title, parts)
    _draw_contributions(explanation, paths[4], title, n_tags, parts)
    return paths


def _with_mean(explanation: Explanation) -> np.ndarray:
    received = explanation.received
    return np.concatenate([received, received.mean(axis=1, keepdims=True)], axis=1)


def _write_arrays(explanation: Explanation, path: Path, parts: Sequence[Part]) -> None:
    content = io.BytesIO()
    np.savez(
        content,
        tags=np.asarray(explanation.tags, dtype=np.str_),
        times=explanation.times,
        probabilities=explanation.probabilities,
        attention=explanation.attention,
        received=explanation.received,
        layer=explanation.layer,
        contributions=explanation.contributions,
        part_names=np.asarray([part.name for part in parts], dtype=np.str_),
        part_starts=np.asarray([part.start for part in parts], dtype=np.float64),
    )
    replace_file(path, content.getvalue())


def _draw_attention(
    explanation: Explanation, path: Path, title: str, parts: Sequence[Part]
) -> None:
    """Draw one panel with a row for each head of a layer, and one for the mean of its heads.

    The mean has its own scale: peaks of different heads are at different moments.
    """
    received = explanation.received
    n_layers, n_heads, _ = received.shape
    figure = Figure(
        figsize=(9.0, 0.8 + n_layers * (1.3 + 0.19 * n_heads)), dpi=150, layout="constrained"
    )
    ratios = [float(n_heads), _MEAN_HEIGHT] * n_layers
    panels = figure.subplots(2 * n_layers, 1, sharex=True, height_ratios=ratios)
    edges = time_edges(explanation.times, explanation.stop, explanation.start)
    labels = [f"head {head}" for head in range(1, n_heads + 1)]
    for layer, (values, upper, lower) in enumerate(
        zip(received, panels[::2], panels[1::2], strict=True), start=1
    ):
        heat_map(upper, edges, values, labels, "attention")
        mean = values.mean(axis=0, keepdims=True)
        bar = heat_map(lower, edges, mean, ["mean"], "", aspect=30 * _MEAN_HEIGHT / n_heads)
        bar.set_ticks([0.0, float(mean.max())], labels=["0", f"{mean.max():.2g}"])
        what = "of the class token" if layer == n_layers else "received, summed over all tokens"
        upper.set_title(f"layer {layer}: attention {what}", loc="left", fontsize=9)
    for axes in panels:
        _mark_joints(axes, parts)
    _name_parts(panels[-1], parts, explanation.stop)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    save_picture(figure, path)


def _draw_contributions(
    explanation: Explanation, path: Path, title: str, n_tags: int, parts: Sequence[Part]
) -> None:
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
    for axes in (upper, lower):
        _mark_joints(axes, parts)
    _name_parts(lower, parts, explanation.stop)
    title = f"{title}\ntags if layer {explanation.layer} attended to that moment only"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    save_picture(figure, path)


def _mark_joints(axes: Axes, parts: Sequence[Part]) -> None:
    """Draw a line where each file but the first starts."""
    for part in parts[1:]:
        axes.axvline(part.start, color="black", linewidth=2.2)
        axes.axvline(part.start, color="white", linewidth=1.0)


def _name_parts(axes: Axes, parts: Sequence[Part], stop: float) -> None:
    """Label the time axis, and name the files below it where the clip is made of several."""
    axes.set_xlabel("time (s)")
    if len(parts) < 2:
        return
    ends = [*(part.start for part in parts[1:]), stop]
    centres = [(part.start + end) / 2 for part, end in zip(parts, ends, strict=True)]
    names = axes.secondary_xaxis(0.0)
    longest = _NAME_CHARACTERS // len(parts)
    names.set_xticks(centres, [_shortened(part.name, longest) for part in parts])
    names.tick_params(length=0, pad=32)  # below ticks and label of the time axis
    names.spines["bottom"].set_visible(False)


def _shortened(name: str, longest: int) -> str:
    """Replace the middle of a name of more than ``longest`` characters."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"
