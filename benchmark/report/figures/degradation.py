"""Degradation curves: a metric along the physical axis of each family of perturbations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmark.perturbations import CHAIN, axis_of
from benchmark.report.figures.style import ModelStyle
from benchmark.report.labels import family_title, metric_title, suite_first_pairs


@dataclass(frozen=True)
class Curve:
    """One metric along the axis of one family.

    Attributes:
        family: Name of the family, after that of the protocol where it is not the suite.
        label: Label of the horizontal axis.
        points: Columns ``model, x, tick, value, low, high, level, severity, perturbation,
            protocol``.
    """

    family: str
    label: str
    points: pd.DataFrame


def curves(robustness: pd.DataFrame, metric: str) -> list[Curve]:
    """Arrange one metric of ``robustness.csv`` along the physical axis of every family."""
    rows = robustness[robustness["metric"] == metric]
    # A chain has no axis, since its links change several properties.
    perturbed = rows[(rows["severity"] > 0) & (rows["family"] != CHAIN)]
    arranged = []
    for protocol, family in suite_first_pairs(perturbed):
        clean = rows[rows["severity"] == 0]
        clean = clean.iloc[np.argsort(clean["protocol"] != protocol, kind="stable")]
        own = perturbed[(perturbed["protocol"] == protocol) & (perturbed["family"] == family)]
        arranged.append(_curve(own, clean.drop_duplicates("model"), protocol, family))
    # The engine controls have the position of clean audio alone, which gives no curve.
    return [curve for curve in arranged if curve.points["x"].nunique() > 1]


def _curve(rows: pd.DataFrame, clean: pd.DataFrame, protocol: str, family: str) -> Curve:
    unit = "" if rows["unit"].isna().iloc[0] else str(rows["unit"].iloc[0])
    axis = axis_of(str(rows["perturbation"].iloc[0]), unit)
    of_condition = ["perturbation", "protocol"]
    points = rows[["model", "value", "low", "high", "level", "severity", *of_condition]].copy()
    points["tick"] = [(axis.tick if axis else "{:g}").format(level) for level in points["level"]]
    if axis is None or axis.scale == "ordinal":
        points["x"] = points["severity"].astype(float)
        origin = 0.0
    else:
        points["x"] = [axis.position(level) for level in points["level"]]
        # Where clean audio has no finite level, it lies one step beyond the mildest level.
        near = sorted(set(points["x"]))
        step = near[1] - near[0] if len(near) > 1 else 1.0
        origin = near[0] - step if axis.clean is None else axis.position(axis.clean)
    start = clean[["model", "value", "low", "high", *of_condition]].copy()
    start["x"], start["tick"], start["level"], start["severity"] = origin, "clean", np.nan, 0
    name = family if protocol == "suite" else f"{protocol}_{family}"
    label = axis.label if axis else f"severity ({unit})" if unit else "severity"
    both = pd.concat([frame for frame in (start, points) if len(frame)], ignore_index=True)
    return Curve(name, label, both.sort_values(["model", "x"], kind="stable"))


def draw_curve(ax: Axes, curve: Curve, styles: Sequence[ModelStyle], metric: str) -> None:
    """Draw one family into ``ax``: a line per model with its 95 % band."""
    for style in styles:
        own = curve.points[curve.points["model"] == style.model].dropna(subset=["value"])
        if not len(own):
            continue
        x, y = own["x"].to_numpy(float), own["value"].to_numpy(float)
        low, high = own["low"].to_numpy(float), own["high"].to_numpy(float)
        band = ax.fill_between(x, low, high, color=style.colour, alpha=0.13, linewidth=0)
        band.set_gid(f"{style.gid}-band")
        line = ax.plot(x, y, color=style.colour, marker=style.marker, linestyle=style.dash)[0]
        line.set_gid(f"{style.gid}-line")
        line.set_label(style.model)
    ticks = curve.points.drop_duplicates("x")[["x", "tick"]]
    keep = _spaced(ticks["x"].tolist(), set(ticks.loc[ticks["tick"] == "clean", "x"]))
    names = dict(zip(ticks["x"], ticks["tick"], strict=True))
    ax.set_xticks(keep, [names[x] for x in keep])
    ax.set_xlabel(curve.label)
    ax.set_ylabel(metric_title(metric))
    ax.set_title(family_title(curve.family), fontsize=9, loc="left")


def _spaced(positions: Sequence[float], must: set[float], share: float = 0.12) -> list[float]:
    """Return the ticks that do not overlap; that of clean audio is always kept."""
    span = max(positions) - min(positions) or 1.0
    kept = sorted(must)
    outward = sorted(set(positions) - must, key=lambda x: -abs(x - (kept[0] if kept else 0.0)))
    for x in outward:
        if all(abs(x - other) >= share * span for other in kept):
            kept.append(x)
    return sorted(kept)
