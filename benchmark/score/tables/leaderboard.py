"""The table ``leaderboard.csv``: one row per model, best first.

A model's score is the mean over its seeds. Models are ranked by the primary metric on clean
audio: macro ROC-AUC for multi-label, accuracy for single-label tasks. All numbers are fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.score.bootstrap import rank_interval
from benchmark.score.metrics import all_metrics
from benchmark.score.robustness import families, summarise
from benchmark.score.score_types import BootstrapScores
from benchmark.score.significance import tie_groups
from benchmark.score.tables.schema import Rows, TableInputs, TableSpec, columns, ordered
from benchmark.score.tag_groups import SCORED, SEEN, UNSEEN
from benchmark.store.predictions import Evaluation
from benchmark.store.schema import Column

ORIGIN = ("trained_on", "tag_set")
"""Columns that a leaderboard with an imported model has beside those."""

PROVENANCE = ("windows", "preset", "manifest_digest", "split_digest", "version")
"""Columns that state the origin of a model's cells; distinct values are joined by a plus sign."""


PERTURBED = "perturbations"
"""Column that states why a model has no perturbed conditions; absent if there is no such model."""

NOT_AUDIO = "not applicable: its input is not audio"


def _rows(inputs: TableInputs) -> Rows:
    """Return one row per model, failed models included."""
    if inputs.scores is None:
        return ()
    board = _leaderboard(inputs.scores, inputs.evaluations, inputs.baseline)
    board |= {"n_boot": inputs.n_boot, "bootstrap_seed": inputs.seed}
    if inputs.without_audio:
        board[PERTURBED] = [
            NOT_AUDIO if model in inputs.without_audio else None for model in board["model"]
        ]
    return _ranked(board, sorted({failure.model for failure in inputs.failures}))


def _leaderboard(
    data: BootstrapScores, evaluations: Sequence[Evaluation], baseline: str
) -> dict[str, Any]:
    """Return the columns of the leaderboard; each has one value per model."""
    rank, rank_low, rank_high = rank_interval(data.clean(data.primary))
    columns: dict[str, Any] = {
        "rank": rank,
        "rank_low": rank_low if data.n_clusters > 1 else np.full_like(rank, np.nan),
        "rank_high": rank_high if data.n_clusters > 1 else np.full_like(rank, np.nan),
        "model": data.models,
        "n_seeds": [_clean_seeds(evaluations, model) for model in data.models],
        "n_tracks": data.n_tracks,
        "n_valid_tags": data.n_valid_tags,
        "n_params": [_fact(evaluations, model, "n_params") for model in data.models],
    }
    for metric in (
        "roc_auc",
        "pr_auc",
        *(m for m in data.metrics if m not in ("roc_auc", "pr_auc")),
    ):
        _with_interval(columns, metric, data, data.clean(metric))
    for family in families(data.conditions):
        columns[f"{family.label}_{data.primary}"] = family.mean(data.scores[:, :, 0])[:, 0]
        _with_interval(columns, f"{family.label}_drop", data, family.mean(data.drops[:, :, 0]))
    summary = summarise(data, baseline)
    columns["mce"] = summary.mce[:, 0]
    columns["relative_mce"] = summary.relative_mce[:, 0]
    columns["macs_per_second_of_audio"] = [
        _fact(evaluations, model, "macs_per_second_of_audio") for model in data.models
    ]
    columns["protocol"] = data.protocol
    origin = [name for name in ORIGIN if any(e.provenance.get(name) for e in evaluations)]
    for name in (*PROVENANCE, *origin):
        columns[name] = [_provenance(evaluations, model, name) for model in data.models]
    columns["mce_low"], columns["mce_high"] = data.interval(summary.mce)
    _with_interval(columns, "audc", data, summary.audc)
    _with_interval(columns, "worst_drop", data, summary.worst_drop)
    columns["tie_group"] = tie_groups(data.clean(data.primary), data.interval)
    columns["mce_baseline"] = baseline if baseline in data.models else None
    columns["n_clusters"] = data.n_clusters
    if data.trained_tags:
        columns |= _by_training(data)
    return columns


def _by_training(data: BootstrapScores) -> dict[str, Any]:
    """Return the scores on tags that models were trained on, and on the others.

    A model that was trained on all tags has none.
    """
    columns: dict[str, Any] = {}
    for name, group in (("seen", SEEN), ("unseen", UNSEEN)):
        scores = []
        for m, model in enumerate(data.models):
            k = data.clean_condition(m)
            groups = {} if k is None else data.groups[model, data.conditions[k]]
            scores.append(groups.get(group))
        columns[f"n_{name}_tags"] = [None if s is None else s.n_tags for s in scores]
        for at, metric in enumerate(SCORED):
            for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
                columns[f"{metric}_{name}{end}"] = [
                    np.nan if s is None else getattr(s, part)[at] for s in scores
                ]
    return columns


def _ranked(columns: dict[str, Any], failed: Sequence[str]) -> Rows:
    """Sort models best first; those without a clean score come last, by name."""
    frame = pd.DataFrame(columns)
    names = set(frame["model"])
    blank = dict.fromkeys(frame.columns)
    rows: list[dict[Any, Any]] = [
        *frame.to_dict("records"),
        *(
            {**blank, "model": name, "n_seeds": 0, "rank": np.nan}
            for name in failed
            if name not in names
        ),
    ]
    rows.sort(key=lambda row: (np.nan_to_num(row["rank"], nan=np.inf), str(row["model"])))
    return rows


def _with_interval(
    columns: dict[str, Any], name: str, data: BootstrapScores, samples: np.ndarray
) -> None:
    """Add the estimates of ``samples`` (M, 1 + B) and the ends of their intervals as columns."""
    columns[name] = samples[:, 0]
    columns[f"{name}_low"], columns[f"{name}_high"] = data.interval(samples)


def _clean_seeds(evaluations: Sequence[Evaluation], model: str) -> int:
    """Return the number of training seeds with which a model was evaluated on clean audio."""
    return len({e.seed for e in evaluations if e.model == model and e.condition.clean})


def _fact(evaluations: Sequence[Evaluation], model: str, name: str) -> float | None:
    """Return a cost of a model: the largest value of its cells, or None if no cell states it."""
    costs = [e.cost[name] for e in evaluations if e.model == model and name in e.cost]
    return max(costs) if costs else None


def _provenance(evaluations: Sequence[Evaluation], model: str, name: str) -> str | None:
    """Return the distinct provenance values of a model's cells, joined by a plus sign."""
    values = {e.provenance.get(name, "") for e in evaluations if e.model == model} - {""}
    short = {value[:12] if name.endswith("_digest") else value for value in values}
    return "+".join(sorted(short)) or None


def _with_ends(*estimates: Column) -> tuple[Column, ...]:
    """Return columns of numbers, each followed by the ends of its interval."""
    with_ends = []
    for column in estimates:
        with_ends.append(column)
        for end, which in (("low", "lower"), ("high", "upper")):
            with_ends.append(
                Column(
                    f"{column.name}_{end}",
                    "number",
                    f"{which} end of its 95 % interval: {column.name}",
                )
            )
    return tuple(with_ends)


_COLUMNS = (
    *columns(
        "integer",
        rank="1 + the number of models that score strictly higher on clean audio",
        rank_low="lower end of the 95 % interval of the rank",
        rank_high="upper end of the 95 % interval of the rank",
        n_valid_tags="number of tags with a score",
        n_params="trainable parameters",
        macs_per_second_of_audio="multiply-adds per second of audio",
        tie_group="models with equal numbers do not differ significantly from the best of them",
        n_clusters="number of clusters that the bootstrap resamples",
        n_boot="bootstrap replicates",
        bootstrap_seed="seed of the bootstrap",
    ),
    *columns(
        "text",
        windows="how tracks are cut into windows",
        preset="name of the preset",
        manifest_digest="first 12 digits of the sha256 of the prepared audio",
        split_digest="first 12 digits of the sha256 of the split",
        version="version of tagbench that made the cells",
        mce_baseline="model that mCE is relative to; blank if it is not among the models",
        trained_on="dataset that an imported model was trained on; blank for others",
        tag_set="first 12 digits of the sha256 of the compared tags, if they are not all tags of "
        "the corpus; see left_out_tags.csv",
        perturbations="why a model has no perturbed conditions; blank if it has them",
    ),
    *columns(
        "integer",
        n_seen_tags="scored tags that the model was trained on, if it predicts others too",
        n_unseen_tags="scored tags that the model was not trained on",
    ),
    *columns(
        "number",
        relative_mce="mean over families of the drop divided by the drop of the baseline",
    ),
    *_with_ends(
        *(
            Column(metric.name, "number", f"{metric.title} on clean audio")
            for metric in all_metrics().values()
            if metric.tasks
        ),
        *(
            Column(f"{metric}_{name}", "number", f"{all_metrics()[metric].title} on {which}")
            for name, which in (
                ("seen", "tags that the model was trained on, if it predicts others too"),
                ("unseen", "tags that the model was not trained on"),
            )
            for metric in SCORED
        ),
        Column(
            "<family>_drop",
            "number",
            "mean drop over the directions and then the severities of the family",
        ),
        Column("mce", "number", "mean corruption error over families; 1 is the baseline"),
        Column("audc", "number", "area under the curve of retained skill; 1 without loss"),
        Column("worst_drop", "number", "largest drop under any condition"),
    ),
    Column(
        "<family>_roc_auc",
        "number",
        "mean ROC-AUC over the directions and then the severities of the family",
    ),
    Column(
        "<family>_accuracy",
        "number",
        "mean accuracy over the directions and then the severities of the family",
    ),
)

TABLES = (
    TableSpec(
        "leaderboard",
        "one row per model, best first",
        ("model",),
        (*ordered("model protocol n_seeds n_tracks"), *_COLUMNS),
        from_inputs=_rows,
        when_empty=(
            *("rank", "rank_low", "rank_high", "model", "n_seeds", "n_tracks", "n_valid_tags"),
            *("n_params", "roc_auc", "roc_auc_low", "roc_auc_high"),
            *("pr_auc", "pr_auc_low", "pr_auc_high"),
        ),
    ),
)
