"""Tracks whose predictions changed most under a condition, computed from stored predictions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.perturbations import Condition
from benchmark.score.consistency import log_odds, track_consistency
from benchmark.store.predictions import Evaluation, Predictions, compared_predictions
from benchmark.store.store import Store
from benchmark.ui.results.found import plain_values, record_of
from benchmark.ui.results.scopes import chosen_scope, condition_of
from benchmark.ui.results.stored import content_key, finished, once
from datamodules.common.errors import TagbenchError

MOST_TRACKS = 100
"""Number of tracks that one answer lists."""


def moved_tracks(folder: Path, model: str, condition: str) -> dict[str, Any]:
    """Return the tracks whose predictions changed most from clean audio to a condition.

    The change is the mean over tags of the absolute change of log-odds, see
    `benchmark.score.consistency`, averaged over seeds.

    Args:
        folder: Folder of the dataset.
        model: Name of the model.
        condition: Key of a scope of one perturbed condition, see `scopes_of`.

    Returns:
        The first `MOST_TRACKS` of ``n`` tracks in ``tracks``, the greatest change first.

    Raises:
        TagbenchError: There is no such evaluation, or predictions cannot be read.
    """
    scope = chosen_scope(folder, condition)
    if len(scope.conditions) != 1 or scope.conditions[0].clean:
        raise TagbenchError(f"{condition} is not one perturbed condition. Choose a point.")
    wanted = scope.conditions[0]
    record, store = record_of(folder), Store(folder.parent)
    cells = [
        cell
        for cell in record.of_kind("evaluation")
        if cell["labels"]["model"] == model
        and (condition_of(cell).clean or condition_of(cell) == wanted)
    ]
    key = content_key(record, store, cells, "tracks", model, condition)
    return once(key, lambda: _moved(finished(record, store, cells), model, wanted, scope.title))


def _moved(
    evaluations: list[Evaluation], model: str, wanted: Condition, title: str
) -> dict[str, Any]:
    pairs = list(_pairs(evaluations, wanted))
    if not pairs:
        raise TagbenchError(
            f"{model} has no finished evaluation both on clean audio and under {wanted.label}. Run "
            "the benchmark again; finished cells are kept."
        )
    single = evaluations[0].task == "singlelabel"
    changes = [track_consistency(a.scores, b.scores, single=single)[:, 0] for a, b in pairs]
    change = np.mean(changes, axis=0)
    before, after = (np.mean([pair[side].scores for pair in pairs], axis=0) for side in (0, 1))
    stored = pairs[0][0]
    largest = np.abs(log_odds(after) - log_odds(before)).argmax(axis=1)
    own = stored.targets.astype(bool)
    order = np.argsort(-change, kind="stable")[:MOST_TRACKS]
    rows = []
    for at in order:
        tag, has = int(largest[at]), own[at]
        rows.append(
            plain_values(
                {
                    "track": str(stored.track_ids[at]),
                    "change": round(float(change[at]), 6),
                    "own_before": _mean_of(before[at][has]),
                    "own_after": _mean_of(after[at][has]),
                    "tag": str(stored.tags[tag]),
                    "has_tag": bool(has[tag]),
                    "before": round(float(before[at, tag]), 6),
                    "after": round(float(after[at, tag]), 6),
                }
            )
        )
    return {
        "model": model, "title": title, "condition": wanted.label, "n": len(change),
        "seeds": len(pairs), "tracks": rows,
    }  # fmt: skip


def _mean_of(values: np.ndarray) -> float:
    return round(float(values.mean()), 6) if len(values) else float("nan")


def _pairs(
    evaluations: list[Evaluation], wanted: Condition
) -> Iterable[tuple[Predictions, Predictions]]:
    """Yield the predictions of each seed on clean audio and under a condition."""
    for one in evaluations:
        if one.condition != wanted:
            continue
        clean = [other for other in evaluations if other.condition.clean and other.seed == one.seed]
        clean.sort(key=lambda other: other.condition.protocol != wanted.protocol)
        if not clean:
            continue
        before, after = compared_predictions(clean[0]), compared_predictions(one)
        if not np.array_equal(before.track_ids, after.track_ids):
            raise TagbenchError(
                f"The tracks of cells {clean[0].cell_id} and {one.cell_id} differ, so that their "
                "predictions cannot be compared. Run the benchmark again."
            )
        yield before, after
