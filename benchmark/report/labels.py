"""Titles of metrics, families and levels, and number formats, for terminal, report and W&B."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmark.perturbations import SUITE, axis_of, protocol_order
from benchmark.score.metrics import all_metrics
from benchmark.score.tables.leaderboard import PERTURBED
from benchmark.store.tables import Tables

NOT_APPLICABLE = "n/a"
"""Text in place of a drop of a model whose input is not audio."""


def further_metrics(tables: Tables) -> list[str]:
    """Return the scores that pages and tables print beside the primary one; at least one."""
    if tables.task != "singlelabel":
        extra = [metric.name for metric in all_metrics().values() if not metric.default]
        return ["pr_auc", *(name for name in extra if name in tables.leaderboard.columns)]
    names = ["macro_f1", "top3_accuracy"]  # the latter is absent for three classes or fewer
    return [name for name in names if name in tables.leaderboard.columns] or names[:1]


def n_left_out(tables: Tables) -> int:
    """Return the number of tags of the dataset that are not compared."""
    left_out = tables.left_out_tags
    return int(left_out.loc[left_out["tag_of"] == "corpus", "tag"].nunique())


def drop_columns(tables: Tables) -> list[str]:
    """Return the leaderboard columns with the mean drop of a family, in the order of the file."""
    return [family.drop for family in tables.families]


_SHORT = {"dynamic_range_compression": "compression"}


def metric_title(name: str) -> str:
    """Return the title of a metric for tables and figures; the name itself if it has no title."""
    metric = all_metrics().get(name)
    return metric.title if metric else name


def family_title(name: str) -> str:
    """Return a family's name as a heading: ``pitch_shift_drop`` becomes ``pitch shift``."""
    plain = name.removesuffix("_drop")
    for long, short in _SHORT.items():
        plain = plain.replace(long, short)
    return plain.replace("_", " ")


def file_part(model: str) -> str:
    """Return the name of a model as a part of the name of a file, of an anchor or of a W&B run.

    Characters other than letters, digits and ``_.+-`` are replaced by hyphens. A digest of the name
    is then appended, which keeps different names apart.
    """
    plain = re.sub(r"[^\w.+-]+", "-", model).strip("-")
    return plain if plain == model else f"{plain}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


def number(value: Any) -> str:
    """Return a score with three decimals, or empty text for a missing value."""
    return "" if value is None or pd.isna(value) else f"{value:.3f}"


def without_audio(board: pd.DataFrame) -> list[str]:
    """Return the models of a leaderboard whose input is not audio."""
    if PERTURBED not in board.columns:
        return []
    return [str(name) for name in board["model"][board[PERTURBED].notna()]]


def drop_text(row: Mapping[Any, Any], name: str, missing: str = "") -> str:
    """Return a drop of a row of the leaderboard with three decimals.

    Args:
        row: Row by column name.
        name: Column of the drop.
        missing: Text for a missing value of a model whose input is audio.
    """
    reason = row.get(PERTURBED)
    return number(row[name]) or (missing if reason is None or pd.isna(reason) else NOT_APPLICABLE)


def signed_number(value: Any) -> str:
    """Return a difference with its sign and three decimals, without a sign if it rounds to zero."""
    if value is None or pd.isna(value):
        return ""
    rounded = round(float(value), 3) + 0.0
    return f"{rounded:+.3f}".replace("-", "\N{MINUS SIGN}") if rounded else "0.000"


def span(value: Any, low: Any, high: Any) -> str:
    """Return a rank with its interval, as in ``2 (1-3)``, or ``-`` for a missing rank."""
    if pd.isna(value):
        return "-"
    return f"{value}" if pd.isna(low) or low == high else f"{value} ({low}-{high})"


def protocol_and_family(tables: Tables, column: str) -> tuple[str, str]:
    """Return (protocol, family) of a drop column of the leaderboard."""
    pairs = {columns.drop: (columns.protocol, columns.family) for columns in tables.families}
    return pairs.get(column, (SUITE, column.removesuffix("_drop")))


def main_drops(tables: Tables) -> tuple[str, list[str]]:
    """Return the protocol of the means over families, the suite if present, and its columns."""
    families = tables.families
    if not families:
        return SUITE, []
    main = min((family.protocol for family in families), key=protocol_order)
    return main, [family.drop for family in families if family.protocol == main]


CONDITION_KEYS = ["protocol", "family", "perturbation", "severity", "level", "unit"]
"""Columns that identify a condition in a table."""


def suite_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in the order of their protocols; rows of one protocol keep their order."""
    keys = [protocol_order(str(name)) for name in frame["protocol"]]
    return frame.iloc[sorted(range(len(keys)), key=keys.__getitem__)]


def suite_first_pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the distinct (protocol, family) of ``rows`` in the order of protocols, then names."""
    pairs = rows[["protocol", "family"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(pairs, key=lambda pair: (*protocol_order(pair[0]), pair[1]))


def pair_title(protocol: str, family: str) -> str:
    """Return the heading of a family, with its protocol unless that is the suite."""
    title = family_title(family)
    return title if protocol == SUITE else f"{title} ({protocol})"


def level_label(level: float, unit: Any) -> str:
    """Return a level with its unit, as in ``+1 semitones``, signed if the axis is signed."""
    name = "" if pd.isna(unit) else str(unit)
    axis = axis_of("", name)
    if axis is not None and axis.prefix:
        return f"{axis.prefix} {level:.3g}"
    sign = "+" if axis is not None and axis.signed and level else ""
    return f"{level_number(level, sign)} {name}".strip().replace("-", "\N{MINUS SIGN}")


def level_number(level: float, sign: str = "") -> str:
    """Return a level with three significant digits, or as an integer from 1000 upwards."""
    return f"{level:{sign}.0f}" if abs(level) >= 1000 else f"{level:{sign}.3g}"


def has_labels(tables: Tables) -> bool:
    """Return whether the test tracks have labels, so that models are ranked."""
    return bool(tables.leaderboard["rank"].notna().any()) or tables.consistency.empty


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame by column name."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
