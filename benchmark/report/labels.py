"""Names and numbers as the terminal, the report and W&B print them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.perturbations import SUITE, axis_of, protocol_order
from benchmark.score.metrics import all_metrics
from benchmark.store.tables import Tables


def further_metrics(board: pd.DataFrame) -> list[str]:
    """Return the scores that a page shows beside the primary one: what fits a laptop's width."""
    if "accuracy" not in board.columns:
        return ["pr_auc"]
    return [name for name in ("macro_f1", "top3_accuracy") if name in board.columns]


def drop_columns(board: pd.DataFrame) -> list[str]:
    """Return the columns that hold the mean drop of a family, in the order of the file."""
    names = [str(name) for name in board.columns]
    # Beside its drop a family has a mean score, unlike worst_drop.
    scores = {name.removesuffix(f"_{m}") for name in names for m in ("roc_auc", "accuracy")}
    return [n for n in names if n.endswith("_drop") and n.removesuffix("_drop") in scores]


_SHORT = {"dynamic_range_compression": "compression"}


def metric_title(name: str) -> str:
    """Return a metric's name as a paper prints it."""
    found = all_metrics().get(name)
    return found.title if found else name


def family_title(name: str) -> str:
    """Return a family's name as a heading: ``pitch_shift_drop`` becomes ``pitch shift``."""
    plain = name.removesuffix("_drop")
    for long, short in _SHORT.items():
        plain = plain.replace(long, short)
    return plain.replace("_", " ")


def number(value: Any) -> str:
    """Return a score as people read it: three decimals, nothing for no value."""
    return "" if value is None or pd.isna(value) else f"{value:.3f}"


def span(value: Any, low: Any, high: Any) -> str:
    """Return a rank with its interval: ``2 (1-3)``, or ``-`` for none."""
    if pd.isna(value):
        return "-"
    return f"{value}" if pd.isna(low) or low == high else f"{value} ({low}-{high})"


def protocol_and_family(tables: Tables, column: str) -> tuple[str, str]:
    """Return (protocol, family) of a drop column of the leaderboard."""
    known = {found.drop: (found.protocol, found.family) for found in tables.families}
    return known.get(column, (SUITE, column.removesuffix("_drop")))


def main_drops(tables: Tables) -> tuple[str, list[str]]:
    """Return the protocol of the means over families, the suite where present, and its columns."""
    found = tables.families
    if not found:
        return SUITE, []
    main = min((family.protocol for family in found), key=protocol_order)
    return main, [family.drop for family in found if family.protocol == main]


CONDITION_KEYS = ["protocol", "family", "perturbation", "severity", "level", "unit"]
"""Columns that identify a condition in a table."""


def suite_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the suite before those of other protocols, otherwise in their order."""
    return frame.iloc[(frame["protocol"] != SUITE).to_numpy().argsort(kind="stable")]


def suite_first_pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return every (protocol, family) of ``rows``: those of the suite first, then by name."""
    pairs = rows[["protocol", "family"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(pairs, key=lambda pair: (pair[0] != SUITE, *pair))


def pair_title(protocol: str, family: str) -> str:
    """Return the heading of a family, with its protocol where that is not the suite."""
    title = family_title(family)
    return title if protocol == SUITE else f"{title} ({protocol})"


def level_label(level: float, unit: Any) -> str:
    """Return a level with its unit, signed where its direction matters: ``+1 semitones``."""
    name = "" if pd.isna(unit) else str(unit)
    axis = axis_of("", name)
    if axis is not None and axis.prefix:
        return f"{axis.prefix} {level:.3g}"
    sign = "+" if axis is not None and axis.signed and level else ""
    return f"{level_number(level, sign)} {name}".strip().replace("-", "\N{MINUS SIGN}")


def level_number(level: float, sign: str = "") -> str:
    """Return a level to three significant digits, and all digits before the point."""
    return f"{level:{sign}.0f}" if abs(level) >= 1000 else f"{level:{sign}.3g}"


def has_labels(tables: Tables) -> bool:
    """Return whether the test tracks have labels: a model is ranked, or nothing was compared."""
    return bool(tables.leaderboard["rank"].notna().any()) or tables.consistency.empty


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame by column name."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
