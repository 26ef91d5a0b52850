"""The highest tags of each track by each model, for tracks without labels."""

from __future__ import annotations

from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include

_MOST_TRACKS = 100


def _build(data: ReportData) -> dict[str, Any] | None:
    """Return ``models``, ``tracks`` (a list of tags by model for each), ``n_tracks``, ``names``."""
    frame = data.tables.top_tags
    if frame.empty:
        return None
    by_track: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in records(frame):
        by_track.setdefault(row["track_id"], {}).setdefault(row["model"], []).append(row)
    board = records(data.tables.leaderboard)
    return {
        "models": [row["model"] for row in board if row["model"] in set(frame["model"])],
        "tracks": sorted(by_track.items())[:_MOST_TRACKS],
        "n_tracks": len(by_track),
        "names": list(dict.fromkeys(data.tables.per_tag["tag"])),
        "trained_on": {row["model"]: row.get("trained_on") for row in board},
    }


SECTION = Section(
    "top-tags", "Tags of each track", 65, include("top_tags"), _build, shows=("top_tags",)
)
