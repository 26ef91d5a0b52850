"""Audio examples: one excerpt under each condition, embedded in the page."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from benchmark.perturbations import protocol_order
from benchmark.report.data import ReportData
from benchmark.report.labels import level_label
from benchmark.report.sections.base import Section, include

CLIPS = "clips.json"
"""Record of the audio examples, in ``results/<dataset>/audio``."""

CAP = 2_000_000
"""Characters of encoded audio that one page may hold."""


def _build(data: ReportData) -> dict[str, Any] | None:
    """Return the audio examples as data URIs, by perturbation; None where there are none.

    Above :data:`CAP` the mildest conditions are left out first.
    """
    folder = data.directory / "audio"
    if not (folder / CLIPS).is_file():
        return None
    record = json.loads((folder / CLIPS).read_text(encoding="utf-8"))
    clips = [clip for clip in record["clips"] if (folder / clip["file"]).is_file()]
    kept = _embedded(clips, folder)
    groups: dict[str, list[dict[str, Any]]] = {}
    clips.sort(key=lambda c: (c["severity"] > 0, *protocol_order(c["protocol"])))
    for clip in clips:
        if clip["file"] not in kept:
            continue
        content = base64.b64encode((folder / clip["file"]).read_bytes()).decode()
        label = level_label(clip["level"], clip["unit"]) if clip["severity"] else "unperturbed"
        groups.setdefault(clip["perturbation"], []).append(
            {**clip, "label": label, "uri": f"data:audio/mpeg;base64,{content}"}
        )
    left_out = sum(clip["file"] not in kept for clip in clips)
    return {"record": record, "groups": groups, "left_out": left_out}


def _embedded(clips: list[dict[str, Any]], folder: Path) -> set[str]:
    """Return the files that fit the page, the strongest condition of each perturbation first."""
    strongest: dict[str, int] = {}
    for clip in clips:
        name = clip["perturbation"]
        strongest[name] = max(strongest.get(name, 0), clip["severity"])
    kept, total = set(), 0
    for clip in sorted(clips, key=lambda c: strongest[c["perturbation"]] - c["severity"]):
        total += (folder / clip["file"]).stat().st_size * 4 // 3
        if total <= CAP:
            kept.add(clip["file"])
    return kept


SECTION = Section("sounds", "Audio examples", 80, include("audio"), _build)
