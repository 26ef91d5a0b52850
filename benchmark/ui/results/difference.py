"""The paired difference of two models, computed from stored predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmark.perturbations import Condition
from benchmark.score.bootstrap import interval
from benchmark.score.metrics import primary_metric
from benchmark.score.robustness import families
from benchmark.score.scorer import Run, Scorer
from benchmark.score.significance import chance_of_beating, holm, tail_p
from benchmark.score.tag_groups import TagFacts
from benchmark.store.predictions import Evaluation
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.ui.results.found import plain_values, record_of
from benchmark.ui.results.scopes import Scope, chosen_scope, condition_of
from benchmark.ui.results.stored import content_key, finished, once
from datamodules.common.errors import TagbenchError

_SEED = 0  # of the resamples, as in the tables


def difference(folder: Path, first: str, second: str, scope: str) -> dict[str, Any]:
    """Compare two models with the resamples of the tables.

    Args:
        folder: Folder of the dataset.
        first: A model.
        second: Another one.
        scope: Key of a scope, see `scopes_of`.

    Returns:
        ``difference`` of the primary score with its interval, and a row for each tag in ``tags``.

    Raises:
        TagbenchError: There is no such scope or model, or predictions cannot be read.
    """
    chosen = chosen_scope(folder, scope)
    record, store = record_of(folder), Store(folder.parent)
    wanted = [
        cell
        for cell in record.of_kind("evaluation")
        if cell["labels"]["model"] in (first, second) and condition_of(cell) in chosen.conditions
    ]
    key = content_key(record, store, wanted, first, second, chosen.key)
    return once(
        key, lambda: _difference(finished(record, store, wanted), record, chosen, (first, second))
    )


def _difference(
    evaluations: list[Evaluation], record: RunRecord, scope: Scope, models: tuple[str, str]
) -> dict[str, Any]:
    cells = {(one.model, one.condition, one.seed): one for one in evaluations}
    for model in models:
        missing = [c for c in scope.conditions if not any(k[:2] == (model, c) for k in cells)]
        if missing:
            raise TagbenchError(
                f"{model} has no finished evaluation under {missing[0].label}, so that it cannot "
                "be compared there. Choose other conditions, or run the benchmark again."
            )
    scorer = Scorer(
        min(evaluations, key=lambda one: one.cell_id), record.n_boot, _SEED, None,
        record.info.get("clusters"), TagFacts(),
    )  # fmt: skip
    score = "f1" if scorer.single else "roc_auc"
    at = scorer.tag_metrics.index(score)

    def over_seeds(model: str, condition: Condition) -> tuple[np.ndarray, np.ndarray]:
        runs: list[Run] = [
            scorer(one) for (name, of, _), one in cells.items() if (name, of) == (model, condition)
        ]
        macro = scorer.over_seeds([run.macro[0] for run in runs])
        return macro, scorer.over_seeds([run.tags[at] for run in runs])

    macro, tags = [], []
    for model in models:
        parts = [over_seeds(model, condition) for condition in scope.conditions]
        macro.append(_mean(np.stack([part[0] for part in parts])[None], scope))
        tags.append(_mean(np.stack([part[1] for part in parts], axis=1), scope))
    return {
        "models": list(models),
        "scope": scope.title,
        "metric": primary_metric(scorer.first.task),
        "tag_metric": score,
        "n_tracks": len(scorer.stored.track_ids),
        "n_clusters": scorer.weights.n_clusters,
        "n_boot": record.n_boot,
        **plain_values(_rows(scorer, macro[0], macro[1])[0]),
        "tags": _tag_rows(scorer, tags[0], tags[1]),
    }


def _mean(samples: np.ndarray, scope: Scope) -> np.ndarray:
    """Average (M, K, 1 + B) over the conditions, as a family is averaged: (M, 1 + B)."""
    if len(scope.conditions) == 1:
        return samples[:, 0]
    return families(scope.conditions)[0].mean(samples)


def _rows(scorer: Scorer, first: np.ndarray, second: np.ndarray) -> list[dict[str, Any]]:
    """Compare scores (M, 1 + B) of two models: one row per entry of M, rounded as in the tables."""
    samples = first - second
    low, high = interval(samples if scorer.weights.n_clusters > 1 else samples[..., :1])
    tails = (tail_p(sign * samples, scorer.weights.n_clusters) for sign in (1, -1))
    p_values = np.minimum(2.0 * np.minimum(*tails), 1.0)
    beats = [chance_of_beating(np.stack(pair))[0, 1] for pair in zip(first, second, strict=True)]
    columns = {
        "score_a": first[:, 0], "score_b": second[:, 0], "difference": samples[:, 0],
        "low": low, "high": high, "p": p_values, "p_holm": holm(p_values), "p_beats": beats,
    }  # fmt: skip
    return [
        {name: float(np.round(values[at], 6)) + 0.0 for name, values in columns.items()}
        for at in range(len(samples))
    ]


def _tag_rows(scorer: Scorer, first: np.ndarray, second: np.ndarray) -> list[dict[str, Any]]:
    counts = scorer.stored.targets.sum(axis=0, dtype=np.int64)
    rows = _rows(scorer, first, second)
    return [
        {"tag": str(tag), "n_positive": int(count), **plain_values(row)}
        for tag, count, row in zip(scorer.stored.tags, counts, rows, strict=True)
    ]
