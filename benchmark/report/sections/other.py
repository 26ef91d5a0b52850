"""What the report says beside the tables of scores: orders, measured effects, sounds, words."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.report.figures.heat_maps import pair_title
from benchmark.report.figures.protocols import level_label

CLIPS = "clips.json"
"""Record of the sounds beside them, in ``results/<dataset>/audio``."""

CAP = 2_000_000
"""Characters of sound that one page may carry."""


def suite_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the suite before those of other protocols, else in their order."""
    return frame.iloc[(frame["protocol"] != "suite").to_numpy().argsort(kind="stable")]


def orders(ranks: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row a condition of ``ranks.csv``: how far it keeps the order of the models."""
    found: list[dict[str, Any]] = []
    for row in suite_first(ranks).to_dict("records"):
        swaps = "" if pd.isna(row["swaps"]) else str(row["swaps"])
        changed = [swap.split(">") for swap in swaps.split("|") if swap]
        # Less than resampling the clean scores alone leaves of the order.
        lost = not pd.isna(row["noise_ceiling"]) and row["high"] < row["noise_ceiling"]
        found.append(
            {
                **{str(name): value for name, value in row.items()},
                "label": level_label(row["level"], row["unit"]),
                "lost": lost,
                "swaps": [f"{ahead} over {behind}" for ahead, behind in changed],
            }
        )
    return found


def effects(frame: pd.DataFrame) -> dict[str, Any] | None:
    """Return what was heard, a row a condition and a column a quantity; None if unmeasured."""
    if not len(frame):
        return None
    keys = ["protocol", "perturbation", "severity", "level", "unit"]
    quantities = list(dict.fromkeys(frame.loc[frame["median"].notna(), "quantity"]))
    rows = []
    for key, part in suite_first(frame).groupby(keys, sort=False, dropna=False):
        cells = {cell["quantity"]: cell for cell in part.to_dict("records")}
        named: dict[str, Any] = dict(zip(keys, key, strict=True))
        named["label"] = level_label(named["level"], named["unit"])
        rows.append({**named, "cells": [cells.get(name) for name in quantities]})
    units = dict(zip(frame["quantity"], frame["quantity_unit"].fillna(""), strict=True))
    return {"quantities": [(name, units.get(name, "")) for name in quantities], "rows": rows}


def sounds(directory: Path) -> dict[str, Any] | None:
    """Return the sounds of a dataset as data URIs; None where there are none.

    Beyond :data:`CAP` the mildest and middle conditions are left out first.
    """
    folder = directory / "audio"
    if not (folder / CLIPS).is_file():
        return None
    record = json.loads((folder / CLIPS).read_text(encoding="utf-8"))
    clips = [
        {**one, "label": level_label(one["level"], one["unit"]) if one["severity"] else "as it is"}
        for one in record["clips"]
        if (folder / one["file"]).is_file()
    ]
    sizes = {one["file"]: (folder / one["file"]).stat().st_size * 4 // 3 for one in clips}
    kept, total = set(), 0
    top = {
        one["perturbation"]: max(
            c["severity"] for c in clips if c["perturbation"] == one["perturbation"]
        )
        for one in clips
    }
    for one in sorted(clips, key=lambda c: top[c["perturbation"]] - c["severity"]):
        total += sizes[one["file"]]
        if total <= CAP:
            kept.add(one["file"])
    for one in clips:
        if one["file"] in kept:
            content = base64.b64encode((folder / one["file"]).read_bytes()).decode()
            one["uri"] = f"data:audio/mpeg;base64,{content}"
    groups: dict[str, list[dict[str, Any]]] = {}
    clips.sort(key=lambda c: (c["severity"] > 0, c["protocol"] != "suite", c["protocol"]))
    for one in clips:
        if "uri" in one:
            groups.setdefault(one["perturbation"], []).append(one)
    left_out = sum("uri" not in one for one in clips)
    return {**record, "groups": groups, "left_out": left_out}


def ladders(robustness: pd.DataFrame) -> list[str]:
    """Return what each family does in words: ``pitch shift at −1, +1 semitones``."""
    rows = robustness[robustness["severity"] > 0]
    found = []
    keys = ["protocol", "family"]
    pairs = rows[keys].drop_duplicates().itertuples(index=False, name=None)
    for protocol, family in sorted(pairs, key=lambda pair: (pair[0] != "suite", *pair)):
        own = rows[(rows["protocol"] == protocol) & (rows["family"] == family)]
        unit = "" if own["unit"].isna().iloc[0] else str(own["unit"].iloc[0])
        levels = ", ".join(
            f"{level:.4g}".replace("-", "\N{MINUS SIGN}") for level in sorted(set(own["level"]))
        )
        found.append(f"{pair_title(protocol, family)} at {levels} {unit}".strip())
    return found


def software(provenance: Mapping[str, Any]) -> str:
    """Return every version as a list in words."""
    versions = provenance.get("Software", {})
    if not isinstance(versions, Mapping):
        return ""
    skipped = {"commit", "lock_sha256", "platform", "cpu_count"}
    named = [
        f"{name} {value if isinstance(value, str) else ', '.join(map(str, value))}"
        for name, value in versions.items()
        if name not in skipped and value != "absent"
    ]
    return ", ".join(named)
