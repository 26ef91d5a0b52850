"""The tables ``consistency.csv`` and ``top_tags.csv``, which need no labels.

They hold the change of predictions under each perturbed condition, and the highest tags of tracks
without labels.
"""

from __future__ import annotations

import numpy as np

from benchmark.score.consistency import TOP, names
from benchmark.score.score_types import BootstrapScores
from benchmark.score.tables.schema import Rows, TableInputs, TableSpec, columns, ordered
from benchmark.store.predictions import load_predictions


def _rows(data: BootstrapScores) -> Rows:
    """Return one row per model, perturbed condition and measure."""
    rows = []
    for m, model in enumerate(data.models):
        for k, condition in enumerate(data.conditions):
            shift = data.shifts.get((model, condition))
            if shift is None:
                continue
            for q, name in enumerate(names(len(data.tags))):
                rows.append(
                    {
                        "model": model,
                        **condition.plain(),
                        "metric": name,
                        "value": shift.value[q],
                        "low": shift.low[q],
                        "high": shift.high[q],
                        "n_tracks": data.n_tracks,
                        "n_seeds": data.n_seeds[m, k],
                    }
                )
    return rows


def _top_tags(inputs: TableInputs) -> Rows:
    """Return the highest tags of each model and track; no rows if the tracks have labels."""
    if inputs.scores is None or inputs.scores.n_positive.any():
        return ()
    rows = []
    for evaluation in inputs.evaluations:
        if not evaluation.condition.clean:
            continue
        stored = load_predictions(evaluation.predictions)
        order = np.argsort(-stored.scores, axis=1, kind="stable")[:, :TOP]
        rows += [
            {
                "model": evaluation.model,
                "track_id": str(stored.track_ids[track]),
                "rank": rank,
                "tag": str(stored.tags[tag]),
                "probability": stored.scores[track, tag],
            }
            for track, tags in enumerate(order)
            for rank, tag in enumerate(tags, start=1)
        ]
    return rows


TABLES = (
    TableSpec(
        "consistency",
        "one row per model, perturbed condition and measure of change; needs no labels",
        ("model", "protocol", "perturbation", "severity", "level", "metric"),
        ordered(
            "model perturbation severity level unit protocol metric value low high n_tracks "
            "family n_seeds"
        ),
        build=_rows,
    ),
    TableSpec(
        "top_tags",
        "one row per model, track and rank; for tracks without labels, on clean audio",
        ("model", "track_id", "rank"),
        ordered(
            "model track_id rank tag probability",
            columns("text", track_id="track: its path in the folder", tag="tag of the model"),
            columns("integer", rank="1 for the tag with the highest probability"),
            columns("number", probability="mean over the windows of the track"),
        ),
        from_inputs=_top_tags,
        optional=True,
    ),
)
