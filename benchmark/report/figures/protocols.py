"""Comparison of published tests with the suite and the controls, at the same nominal level.

The published tests of robustness have side effects: a phase vocoder smears, a compander lowers the
level. Where two protocols have a family in common, the figure shows the effect of each on the same
models, and the effect of the side effect alone (the control).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.perturbations import CONTROLS, SUITE, axis_of, catalogue
from benchmark.report.figures.style import COLOURS, INK, ModelStyle, new_figure
from benchmark.report.labels import family_title, level_label, metric_title

CONTROL = "control"

SHIFT = "mean_abs_dlogit"
"""Quantity of ``consistency.csv`` shown with the drop: mean change of the logits from clean."""

_TITLES = {SHIFT: "mean |Δ logit| from clean"}
_MARKS = {SUITE: ("o", 0), CONTROL: ("^", 2)}  # any other protocol is a square

KEYS = ["model", "protocol", "perturbation", "severity"]


def protocol_comparison(
    robustness: pd.DataFrame, consistency: pd.DataFrame, metric: str
) -> pd.DataFrame:
    """Return the points of the figure: one row per model, condition and quantity.

    Only families that a published protocol shares with the suite, or that have a control, are
    kept. ``part`` is ``suite``, ``control`` or the name of another protocol; ``family`` is the one
    that the condition is compared with; ``value, low, high`` are those of ``quantity``.

    Args:
        robustness: ``robustness.csv``.
        consistency: ``consistency.csv``, or an empty frame.
        metric: Metric whose drop is compared.
    """
    rows = robustness[(robustness["metric"] == metric) & (robustness["severity"] > 0)]
    drops = rows[[*KEYS, "family", "level", "unit"]].assign(
        quantity="drop", value=rows["drop"], low=rows["drop_low"], high=rows["drop_high"]
    )
    parts = [drops] if drops["value"].notna().any() else []  # without labels there is no drop
    if len(consistency):
        shifts = consistency[consistency["metric"] == SHIFT]
        shifts = shifts[[*KEYS, "value", "low", "high"]].assign(quantity=SHIFT)
        parts.append(drops[[*KEYS, "family", "level", "unit"]].merge(shifts, on=KEYS))
    points = pd.concat(parts, ignore_index=True) if parts else drops
    control = points["protocol"] == CONTROLS
    points["part"] = points["protocol"].mask(control, CONTROL)
    for name, perturbation in catalogue().items():
        rows_of = control & (points["perturbation"] == name)
        if (isolates := perturbation.isolates) is not None and rows_of.any():
            points.loc[rows_of, "level"] = points.loc[rows_of, "level"].map(isolates.level)
            points.loc[rows_of, "unit"] = isolates.unit or perturbation.unit
            points.loc[rows_of, "family"] = isolates.family
    tests = points[points["part"] != CONTROL].groupby("family")["part"].nunique()
    wanted = tests[tests > 1].index
    return points[points["family"].isin(wanted)].reset_index(drop=True)


def draw_protocols(points: pd.DataFrame, styles: Sequence[ModelStyle]) -> Figure:
    """Draw one panel per family and quantity, with one row per level and one marker per protocol.

    Args:
        points: From :func:`protocol_comparison`.
        styles: Models to draw: each is a small marker, their mean a large one.
    """
    drawn = points[points["model"].isin([style.model for style in styles])]
    quantities = list(dict.fromkeys(points["quantity"]))
    families = sorted(set(points["family"]))
    rows = {name: _rows(drawn[drawn["family"] == name]) for name in families}
    heights = [len(rows[name]) for name in families]
    figure, axes = new_figure(
        1.2 + 2.9 * len(quantities),
        0.7 + sum(0.36 + 0.17 * height for height in heights),
        len(families),
        len(quantities),
        height_ratios=[2 + height for height in heights],
    )
    for at, ax in enumerate(axes):
        family, quantity = families[at // len(quantities)], quantities[at % len(quantities)]
        own = drawn[(drawn["family"] == family) & (drawn["quantity"] == quantity)]
        _panel(ax, own, rows[family])
        ax.set_title(family_title(family), fontsize=7.5, loc="left", pad=2)
        if at % len(quantities):
            ax.set_yticklabels([])
        if at >= len(axes) - len(quantities):
            ax.set_xlabel(_TITLES.get(quantity, "drop from clean audio"))
    handles: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        handles.values(),
        handles,
        loc="outside lower center",
        ncols=len(handles),
        title="small: one model, large: mean of the models",
        title_fontsize=6.5,
        handlelength=1.5,
    )
    return figure


def _rows(points: pd.DataFrame) -> list[tuple[str, float]]:
    """Return (unit, level) of each row: levels of one unit together, in physical order."""
    unit = points["unit"].astype("string").fillna("")
    pairs = set(zip(unit, points["level"].round(3), strict=True))
    order = {name: (name != SUITE, name == CONTROL, name) for name in set(points["part"])}
    first = {u: min(order[p] for p in points.loc[unit == u, "part"]) for u in set(unit)}
    return sorted(pairs, key=lambda pair: (first[pair[0]], pair[0], _position(*pair)))


def _position(unit: str, level: float) -> float:
    axis = axis_of("", unit)
    return level if axis is None else axis.position(level)


def _panel(ax: Axes, points: pd.DataFrame, rows: Sequence[tuple[str, float]]) -> None:
    at = {pair: row for row, pair in enumerate(rows)}
    names = sorted(set(points["part"]), key=lambda name: (name != SUITE, name == CONTROL, name))
    unit = points["unit"].astype("string").fillna("")
    # Shift the protocols apart only where they share a row.
    sharing = {u: [n for n in names if n in set(points.loc[unit == u, "part"])] for u in unit}
    for name in names:
        marker, colour = _MARKS.get(name, ("s", 1))
        own = points[points["part"] == name]
        pairs = list(zip(unit[own.index], own["level"].round(3), strict=True))
        shift = [sharing[u].index(name) - (len(sharing[u]) - 1) / 2 for u, _ in pairs]
        y = np.array([at[pair] for pair in pairs], float) + 0.26 * np.array(shift)
        ink = COLOURS[colour]
        ax.plot(own["value"], y, marker, color=ink, markersize=2.2, alpha=0.45, linestyle="none")
        mean = own["value"].groupby(y).mean()
        ax.plot(
            mean.to_numpy(),
            mean.index.to_numpy(float),
            marker,
            color=ink,
            markersize=6,
            markerfacecolor="none" if name == SUITE else ink,
            markeredgewidth=1.2,
            linestyle="none",
            label=name,
        )
    ax.axvline(0.0, color=INK, linewidth=0.5)
    ax.set_yticks(range(len(rows)), [level_label(level, unit) for unit, level in rows], fontsize=6)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)


def matched_levels(points: pd.DataFrame, metric: str) -> list[dict[str, Any]]:
    """Return one row per model and nominal level that the suite and another protocol share.

    Returns:
        ``family, level, model, metric, protocol`` and, by quantity, ``suite``, ``other`` and
        ``difference`` (other less suite).
    """
    by_level: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in points[points["part"] != CONTROL].to_dict("records"):
        key = (row["family"], str(row["unit"]), round(row["level"], 3), row["model"])
        cell = by_level.setdefault(key, {"parts": {}})
        cell["parts"].setdefault(row["part"], {})[row["quantity"]] = row["value"]
    table = []
    for (family, unit, level, model), cell in by_level.items():
        suite = cell["parts"].pop(SUITE, None)
        for protocol, other in cell["parts"].items() if suite else ():
            values = {
                quantity: (suite[quantity], value, value - suite[quantity])
                for quantity, value in other.items()
                if quantity in suite
            }
            table.append(
                {
                    "family": family,
                    "label": level_label(level, unit),
                    "level": level,
                    "model": model,
                    "metric": metric_title(metric),
                    "protocol": protocol,
                    "values": values,
                }
            )
    table.sort(key=lambda row: (row["family"], row["level"], row["protocol"]))
    return table
