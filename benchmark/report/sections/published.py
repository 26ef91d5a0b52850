"""Published scores beside those of the run, for the models and the dataset of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.config.published import published_test_scores
from benchmark.published_scores import PublishedScore
from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any] | None:
    ours = {str(row["model"]): row for row in records(data.ranked)}
    rows = [
        _row(score, ours[score.model], data)
        for score in published_test_scores(data.tables.dataset)
        if score.metric in ours.get(score.model, ())
    ]
    if not rows:
        return None
    order = {name: place for place, name in enumerate(ours)}
    rows.sort(key=lambda row: (order[row["score"].model], row["score"].metric))
    return {"rows": rows}


def _row(score: PublishedScore, ours: Mapping[str, Any], data: ReportData) -> dict[str, Any]:
    """Return a published score, ours with its interval, and how its protocol differs.

    Scores on different tags have no difference.
    """
    notes = [score.note] if score.note else []
    if score.trained_on != score.dataset:
        notes.insert(0, f"trained on {score.trained_on}")
    metric, number = score.metric, data.facts["n_tags"]
    if data.n_left_out:
        whole = number + data.n_left_out
        notes.insert(0, f"published over {whole} {data.units}, this run over {number} of them")
    return {
        "score": score,
        "ours": ours[metric],
        "low": ours.get(f"{metric}_low"),
        "high": ours.get(f"{metric}_high"),
        "difference": None if data.n_left_out else ours[metric] - score.value,
        "notes": "; ".join(notes),
    }


SECTION = Section("published", "Published scores", 15, include("published"), _build)
