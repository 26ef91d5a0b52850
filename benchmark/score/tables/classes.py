"""The tables of scores by class: long tail, confusion, and the precision-recall curve.

They describe predictions on clean audio. In ``long_tail.csv``, ``accuracy`` is the hit rate defined
in :mod:`benchmark.score.long_tail`, ``n_tracks`` is the number of test tracks with a rare class,
and ``classes`` lists the rare classes, separated by ``|``. ``long_tail_published.csv`` is the same
for the classes that a publication calls rare. In ``confusion.csv``, ``count`` is the sum over the
model's seeds, and every pair of classes has a row, including pairs with a count of zero.
``precision_recall.csv`` holds the curve of :mod:`benchmark.score.precision_recall`.
"""

from __future__ import annotations

from typing import Any

from benchmark.score.precision_recall import RECALLS
from benchmark.score.score_types import BootstrapScores, ClassScores
from benchmark.score.tables.schema import Rows, TableSpec, columns, ordered


def _long_tail_rows(data: BootstrapScores) -> Rows:
    """Return one row per model, threshold and K; no rows if no class is rare."""
    return _tail_rows(data, published=False)


def _published_rows(data: BootstrapScores) -> Rows:
    """Return the same for published lists; no rows for a dataset without one."""
    return _tail_rows(data, published=True)


def _tail_rows(data: BootstrapScores, *, published: bool) -> Rows:
    rows: list[dict[str, Any]] = []
    for m, model in enumerate(data.models):
        by_class = _class_scores(data, m)
        if by_class is None:
            continue
        low, high = data.interval(by_class.tail)
        for at, tail in enumerate(data.tails):
            if bool(tail.source) is not published:
                continue
            rows.append(
                {
                    "model": model,
                    **({"source": tail.source} if published else {}),
                    "threshold": tail.threshold,
                    "k": tail.k,
                    "accuracy": by_class.tail[at, 0],
                    "low": low[at],
                    "high": high[at],
                    "n_tracks": data.n_tail_tracks[at],
                    "n_classes": len(tail.rare),
                    "classes": "|".join(data.tags[column] for column in tail.rare),
                }
            )
    return rows


def _confusion_rows(data: BootstrapScores) -> Rows:
    """Return one row per model, true and predicted class; no rows for a multi-label task."""
    rows = []
    for m, model in enumerate(data.models):
        by_class = _class_scores(data, m)
        if by_class is None:
            continue
        for true, counts in zip(data.tags, by_class.confusion, strict=False):
            for predicted, count in zip(data.tags, counts, strict=True):
                rows.append(
                    {"model": model, "true": true, "predicted": predicted, "count": int(count)}
                )
    return rows


def _curve_rows(data: BootstrapScores) -> Rows:
    """Return one row per model and recall; no rows for a multi-label task."""
    rows: list[dict[str, Any]] = []
    for m, model in enumerate(data.models):
        by_class = _class_scores(data, m)
        if by_class is not None and data.task == "singlelabel":
            points = zip(RECALLS, by_class.precision, strict=True)
            rows += [{"model": model, "recall": r, "precision": p} for r, p in points]
    return rows


def _class_scores(data: BootstrapScores, model: int) -> ClassScores | None:
    """Return the class scores of a model on clean audio; None if it was not evaluated on it."""
    k = data.clean_condition(model)
    return None if k is None else data.by_class[data.models[model], data.conditions[k]]


_LONG_TAIL = (
    *columns(
        "text",
        classes="rare classes, separated by a bar",
        source="publication that lists the classes",
    ),
    *columns(
        "integer",
        threshold="a class with fewer training tracks is rare",
        k="number of highest scores of a track that count",
        n_tracks="test tracks with a rare class",
        n_classes="number of rare classes",
    ),
    *columns("number", accuracy="share of pairs of a track and a rare class that are among the k"),
)
_CONFUSION = (
    *columns("text", true="true class", predicted="class with the highest score"),
    *columns("integer", count="test tracks, summed over seeds"),
)
_CURVE = columns(
    "number",
    recall="share of the pairs of a track and its class that are found",
    precision="share of the pairs with the highest scores that are right, at this recall",
)
_TAIL = "threshold k accuracy low high n_tracks n_classes classes"

TABLES = (
    TableSpec(
        "long_tail",
        "one row per model, threshold of rarity and K, on clean audio",
        ("model", "threshold", "k"),
        ordered(f"model {_TAIL}", _LONG_TAIL),
        build=_long_tail_rows,
    ),
    TableSpec(
        "long_tail_published",
        "one row per model, threshold and K: the classes that a publication calls rare",
        ("model", "threshold", "k"),
        ordered(f"model source {_TAIL}", _LONG_TAIL),
        build=_published_rows,
        optional=True,
    ),
    TableSpec(
        "confusion",
        "one row per model, true and predicted class, on clean audio; single-label tasks",
        ("model", "true", "predicted"),
        ordered("model true predicted count", _CONFUSION),
        build=_confusion_rows,
        optional=True,
    ),
    TableSpec(
        "precision_recall",
        "one row per model and recall: precision over all pairs of a track and a class",
        ("model", "recall"),
        ordered("model recall precision", _CURVE),
        build=_curve_rows,
        optional=True,
    ),
)
