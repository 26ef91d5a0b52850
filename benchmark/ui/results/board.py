"""The leaderboard and the degradation curves of a dataset, as its tables state them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.report.labels import (
    drop_columns,
    family_title,
    further_metrics,
    metric_title,
    without_audio,
)
from benchmark.score.consistency import MAIN, TITLES
from benchmark.score.metrics import all_metrics, primary_metric
from benchmark.store.tables import Tables, read_text_table
from benchmark.ui.results.found import find_datasets, plain_rows, plain_values, record_of, tables_of
from datamodules.common.errors import TagbenchError

_TITLES = {
    "mce": "mCE",
    "relative_mce": "relative mCE",
    "n_params": "parameters",
    "n_seeds": "seeds",
    "audc": "AUDC",
    "macs_per_second_of_audio": "MACs per second of audio",
}


def list_datasets(results: Path) -> list[dict[str, Any]]:
    """List the datasets of a results folder; ``error`` states why one has no leaderboard."""
    listed = []
    for name, folder in find_datasets(results).items():
        try:  # this one file, because all tables of many datasets take seconds
            models, error = len(read_text_table(folder / "leaderboard.csv")), ""
        except TagbenchError as missing:
            models, error = 0, str(missing)
        listed.append({"name": name, "models": models, "error": error})
    return listed


def board(folder: Path) -> dict[str, Any]:
    """Return the leaderboard of a dataset: its columns, its rows and the styles of its models.

    Args:
        folder: Folder of the dataset.

    Raises:
        TagbenchError: Its tables cannot be read.
    """
    tables = tables_of(folder)
    metric, frame = primary_metric(tables.task), tables.leaderboard
    names = [str(name) for name in frame.columns]
    scores = [metric, *further_metrics(tables), *drop_columns(tables), "mce", "relative_mce"]
    shown = [*(scores if _has_scores(tables) else []), "n_params", "n_seeds"]
    return {
        "dataset": tables.dataset,
        "has_scores": _has_scores(tables),
        "metric": metric,
        "unit": "class" if tables.task == "singlelabel" else "tag",
        "columns": [
            {
                "name": name,
                "title": _title(name),
                "kind": schema.kind,
                "description": schema.description,
                "shown": name in shown,
                "interval": f"{name}_low" in names,
            }
            for name in sorted(names, key=lambda name: _place(name, shown, names))
            if name.removesuffix("_low").removesuffix("_high") not in set(names) - {name}
            for schema in [tables.schemas["leaderboard"].column(name)]
        ],
        "rows": plain_rows(frame),
        "styles": _styles(frame),
        "without_audio": without_audio(frame),
        "listen": _listen_ids(folder),
    }


def _has_scores(tables: Tables) -> bool:
    """Return whether models have scores, which needs tracks with labels."""
    return bool(tables.leaderboard[primary_metric(tables.task)].notna().any())


def _place(name: str, shown: list[str], names: list[str]) -> tuple[int, int]:
    """Return the sort key of a column: those shown first, in their own order."""
    start = ["rank", "model", *shown]
    return (start.index(name), 0) if name in start else (len(start), names.index(name))


def _title(name: str) -> str:
    if name in _TITLES:
        return _TITLES[name]
    if name in all_metrics():
        return metric_title(name)
    return f"{family_title(name)} drop" if name.endswith("_drop") else name.replace("_", " ")


def _styles(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Return colour, marker and dash of each model, as in the report."""
    from benchmark.report.figures.style import model_styles  # imports matplotlib

    ranked = frame.sort_values("rank", kind="stable", na_position="last")
    return [
        {"model": style.model, "colour": style.colour, "dash": style.dash, "points": style.points}
        for style in model_styles([str(name) for name in ranked["model"]])
    ]


def _listen_ids(folder: Path) -> dict[str, str]:
    """Return the id of the trained model of the first seed, by the name of the model."""
    try:
        cells = record_of(folder).of_kind("evaluation")
    except TagbenchError:  # tables without a record can be shown, but not listened to
        return {}
    ids: dict[str, str] = {}
    for cell in sorted(cells, key=lambda cell: int(cell["labels"]["seed"])):
        if cell["depends_on"]:
            ids.setdefault(str(cell["labels"]["model"]), str(cell["depends_on"][0]))
    return ids


def curves_of(folder: Path, metric: str = "") -> dict[str, Any]:
    """Return the degradation curves of a dataset.

    Args:
        folder: Folder of the dataset.
        metric: A score of ``robustness.csv``; the primary one by default. Without labels, there
            are no scores, and the curves are those of the change of predictions.

    Raises:
        TagbenchError: The tables cannot be read.
    """
    from benchmark.report.figures.degradation import curves  # imports matplotlib

    tables = tables_of(folder)
    metric = metric or primary_metric(tables.task)
    rows, title = tables.robustness, metric_title(metric)
    if not _has_scores(tables):
        rows, metric, title = tables.consistency, MAIN, TITLES[MAIN]
    return {
        "metric": metric,
        "title": title,
        "curves": [
            {
                "title": family_title(curve.family),
                "label": curve.label,
                "series": [
                    {"model": str(model), "points": plain_rows(points.drop(columns="model"))}
                    for model, points in curve.points.groupby("model", sort=False)
                ],
            }
            for curve in curves(rows, metric)
        ],
    }


def tags_of(folder: Path, models: list[str]) -> list[dict[str, Any]]:
    """Return the scores on clean audio of every tag for some models.

    Args:
        folder: Folder of the dataset.
        models: Names of the models.

    Raises:
        TagbenchError: The tables cannot be read.
    """
    tables = tables_of(folder)
    per_tag: pd.DataFrame = tables.per_tag
    score, prefix = ("f1", "f1_") if tables.task == "singlelabel" else ("roc_auc", "")
    clean = per_tag[(per_tag["severity"] == 0) & per_tag["model"].isin(models)]
    rows = []
    for tag, own in clean.groupby("tag", sort=False):
        cells = {
            str(row["model"]): plain_values(
                {"value": row[score], "low": row[f"{prefix}low"], "high": row[f"{prefix}high"]}
            )
            for row in own.to_dict("records")
        }
        count = plain_rows(own.head(1))[0]["n_positive"]
        rows.append({"tag": str(tag), "n_positive": count, "models": cells})
    return rows


def all_pairs(tables: Tables, first: str, second: str, scope: str) -> dict[str, Any] | None:
    """Return the row of ``comparisons.csv`` of two models, in the order that is asked for.

    Args:
        tables: Tables of the dataset.
        first: A model.
        second: Another one.
        scope: ``"clean"``, or protocol and family separated by a slash.
    """
    rows = plain_rows(tables.comparisons)
    for row in rows:
        pair = (row["model_a"], row["model_b"])
        of_scope = row["scope"] if row["scope"] == "clean" else f"{row['protocol']}/{row['scope']}"
        if of_scope != scope or set(pair) != {first, second}:
            continue
        if pair == (first, second):
            return row
        turned = {
            **row, "model_a": first, "model_b": second,
            "score_a": row["score_b"], "score_b": row["score_a"],
        }  # fmt: skip
        for name, low, high in (
            ("difference", "low", "high"),
            ("drop_difference", "drop_low", "drop_high"),
        ):
            turned |= {name: _minus(row[name]), low: _minus(row[high]), high: _minus(row[low])}
        beats = row["p_beats"]
        return {**turned, "p_beats": None if beats is None else round(1 - beats, 6)}
    return None


def _minus(value: float | None) -> float | None:
    return None if value is None else 0.0 - value
