"""The table ``top_tags.csv``: what models predict for tracks without labels."""

from __future__ import annotations

import numpy as np

from benchmark.score.tables.schema import Rows, TableInputs, TableSpec, columns, ordered
from benchmark.store.predictions import load_predictions

_HIGHEST = 5


def _rows(inputs: TableInputs) -> Rows:
    """Return the highest tags of each model and track; no rows if the tracks have labels."""
    if inputs.scores is None or inputs.scores.n_positive.any():
        return ()
    rows = []
    for evaluation in inputs.evaluations:
        if not evaluation.condition.clean:
            continue
        stored = load_predictions(evaluation.predictions)
        order = np.argsort(-stored.scores, axis=1, kind="stable")[:, :_HIGHEST]
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
        "top_tags",
        "one row per model, track and rank; for tracks without labels, on clean audio",
        ("model", "track_id", "rank"),
        ordered(
            "model track_id rank tag probability",
            columns("text", track_id="track: its path in the folder", tag="tag of the model"),
            columns("integer", rank="1 for the tag with the highest probability"),
            columns("number", probability="mean over the windows of the track"),
        ),
        from_inputs=_rows,
        optional=True,
    ),
)
