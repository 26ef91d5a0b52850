"""What is computed from stored predictions on request: a paired difference, and moved tracks."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.perturbations import CLEAN, SUITE, Condition
from benchmark.report.labels import level_label, pair_title
from benchmark.score.bootstrap import interval
from benchmark.score.consistency import log_odds, track_consistency
from benchmark.score.metrics import primary_metric
from benchmark.score.robustness import families
from benchmark.score.scorer import Run, Scorer
from benchmark.score.significance import chance_of_beating, holm, tail_p
from benchmark.score.tag_groups import TagFacts
from benchmark.store import run_record
from benchmark.store.outputs import code_digest
from benchmark.store.predictions import Evaluation, Predictions, compared_predictions
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.ui.results.found import plain_values, record_of
from datamodules.common.errors import TagbenchError, unknown_name

MOST_TRACKS = 100
"""Number of tracks that one answer lists."""

_KEPT = 64
_SEED = 0  # of the resamples, as in the tables
_computed: OrderedDict[str, Any] = OrderedDict()
_busy = threading.Lock()


@dataclass(frozen=True)
class Scope:
    """Conditions over which two models are compared.

    Attributes:
        key: Its name in an address.
        title: Its name on a page.
        conditions: The conditions; the mean over directions, then severities, is compared.
    """

    key: str
    title: str
    conditions: tuple[Condition, ...]


def scopes_of(folder: Path) -> dict[str, Scope]:
    """Return the scopes of a dataset by key: clean audio, then families, then single conditions.

    Raises:
        TagbenchError: The dataset has no record.
    """
    found = {_condition(cell) for cell in record_of(folder).of_kind("evaluation")}
    clean = sorted(
        (one for one in found if one.clean), key=lambda one: (one.protocol != SUITE, one.order)
    )
    perturbed = sorted((one for one in found if not one.clean), key=lambda one: one.order)
    scopes = [Scope("clean", "clean audio", (clean[0] if clean else CLEAN,))]
    for family in families(perturbed):
        own = tuple(perturbed[at] for step in family.severities for at in step)
        title = f"{pair_title(family.protocol, family.name)}, mean over severities"
        scopes.append(Scope(f"{family.protocol}/{family.name}", title, own))
    for one in perturbed:
        level = level_label(one.level, one.unit)
        title = f"{pair_title(one.protocol, one.perturbation)} {one.severity}: {level}"
        scopes.append(Scope(_key(one), title, (one,)))
    return {scope.key: scope for scope in scopes}


def _key(condition: Condition) -> str:
    return f"{condition.protocol}/{condition.perturbation}/{condition.severity}"


def _condition(cell: Mapping[str, Any]) -> Condition:
    return Condition.from_labels(cell["labels"])


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
    chosen = _chosen(scopes_of(folder), scope)
    record, store = record_of(folder), Store(folder.parent)
    wanted = [
        cell
        for cell in record.of_kind("evaluation")
        if cell["labels"]["model"] in (first, second) and _condition(cell) in chosen.conditions
    ]
    key = _content_key(record, store, wanted, first, second, chosen.key)
    return _once(
        key, lambda: _difference(_finished(record, store, wanted), record, chosen, (first, second))
    )


def _chosen(scopes: Mapping[str, Scope], key: str) -> Scope:
    if key not in scopes:
        raise unknown_name("scope", key, scopes)
    return scopes[key]


def _finished(
    record: RunRecord, store: Store, cells: Iterable[Mapping[str, Any]]
) -> list[Evaluation]:
    return run_record.evaluations(replace(record, cells=tuple(cells)), store)


def _content_key(
    record: RunRecord, store: Store, cells: Iterable[Mapping[str, Any]], *what: str
) -> str:
    """Return a digest of everything that a result is computed from."""
    files = {}
    for cell in cells:
        done = (store.folder(cell["id"]) / "metrics.json").is_file()
        files[cell["id"]] = store.metrics(cell["id"]).get("files") if done else None
    document = [what, files, dict(record.info), code_digest()]
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def _once(key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a result that is kept; one is computed at a time."""
    with _busy:
        if key not in _computed:
            _computed[key] = compute()
            if len(_computed) > _KEPT:
                _computed.popitem(last=False)
        _computed.move_to_end(key)
        result: dict[str, Any] = _computed[key]
    return result


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
    scope = _chosen(scopes_of(folder), condition)
    if len(scope.conditions) != 1 or scope.conditions[0].clean:
        raise TagbenchError(f"{condition} is not one perturbed condition. Choose a point.")
    wanted = scope.conditions[0]
    record, store = record_of(folder), Store(folder.parent)
    cells = [
        cell
        for cell in record.of_kind("evaluation")
        if cell["labels"]["model"] == model
        and (_condition(cell).clean or _condition(cell) == wanted)
    ]
    key = _content_key(record, store, cells, "tracks", model, condition)
    return _once(key, lambda: _moved(_finished(record, store, cells), model, wanted, scope.title))


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
