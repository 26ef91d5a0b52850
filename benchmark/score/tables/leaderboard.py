"""Tables of a benchmark, from stored predictions alone.

A model's score is the mean over its seeds. Models are ranked by the primary metric on clean
audio: macro ROC-AUC for multi-label, accuracy for single-label tasks. All numbers are fractions,
rounded to six decimals. In ``leaderboard.csv``:

* ``rank`` is 1 + the number of models that score strictly higher; ``rank_low`` and ``rank_high``
  hold 95 % of the ranks that the model takes in the bootstrap.
* ``<family>_drop`` is the mean over severities of clean minus perturbed score; a family's columns
  carry its protocol in front where that is not ``suite``.
* ``mce`` and ``relative_mce`` are shares of the baseline model's error and drop.
* ``audc`` is the area under the degradation curve of retained skill, 1 if unaffected;
  ``worst_drop`` the largest drop under any condition.
* ``tie_group`` numbers the groups of models that the data cannot tell from the best of the group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.score.bootstrap import rank_interval
from benchmark.score.bootstrap_scores import Replicates
from benchmark.score.consistency import consistency_frame
from benchmark.score.robustness import families, summarise
from benchmark.score.scorer import replicate
from benchmark.score.significance import tie_groups
from benchmark.score.tables.classes import confusion_frame, long_tail_frame
from benchmark.score.tables.columns import (
    COMPARISON_COLUMNS,
    CONFUSION_COLUMNS,
    CONSISTENCY_COLUMNS,
    FAILURE_COLUMNS,
    LEADERBOARD_COLUMNS,
    LONG_TAIL_COLUMNS,
    PER_CATEGORY_COLUMNS,
    PER_TAG_COLUMNS,
    PROVENANCE,
    RANK_COLUMNS,
    ROBUSTNESS_COLUMNS,
    SUMMARY_COLUMNS,
)
from benchmark.score.tables.conditions import per_category_frame, per_tag_frame, robustness_frame
from benchmark.score.tables.io import tidy
from benchmark.score.tables.statistics import comparison_frame, rank_frame, summary_frame
from benchmark.score.tag_groups import TagFacts
from benchmark.store.predictions import CellFailure, Evaluation, Tables, load_predictions
from datamodules.common.errors import TagbenchError

BASELINE = "fcn"
"""Model that mCE is relative to: the oldest network of the field's comparison (Choi 2016)."""


def build_tables(
    evaluations: Sequence[Evaluation],
    failures: Sequence[CellFailure] = (),
    *,
    n_boot: int = 1000,
    seed: int = 0,
    baseline: str = BASELINE,
    training_counts: Mapping[str, int] | None = None,
    facts: TagFacts = TagFacts(),  # noqa: B008  frozen
    clusters: Mapping[str, str] | None = None,
    threads: int | None = None,
) -> Tables:
    """Compute every table of one dataset.

    A missing cell leaves blanks, unreadable predictions become a failure of stage ``score``.

    Args:
        evaluations: Finished cells of one dataset on one split.
        failures: Cells that did not finish; their models are listed even without a score.
        n_boot: Bootstrap replicates behind each interval.
        seed: Seed of the resampling.
        baseline: Model that mCE is relative to; the columns are blank without it.
        training_counts: Training tracks by tag; without them ``long_tail.csv`` has no rows.
        facts: Which tags a perturbation may change, and their categories.
        clusters: What the bootstrap draws each track with, by track id; by default what the
            predictions hold.
        threads: Conditions scored at once; the result does not depend on it.

    Raises:
        TagbenchError: Cells of several datasets, tasks or splits, or two cells of one condition.
    """
    usable, broken = _readable(evaluations)
    failed = failure_frame([*failures, *broken])
    if not usable:
        datasets = sorted({one.dataset for one in [*broken, *failures]})
        tasks = sorted({one.task for one in evaluations}) or ["multilabel"]
        return Tables(
            dataset=datasets[0] if datasets else "",
            task=tasks[0],
            leaderboard=tidy([], LEADERBOARD_COLUMNS),
            robustness=tidy([], ROBUSTNESS_COLUMNS),
            summary=tidy([], SUMMARY_COLUMNS),
            comparisons=tidy([], COMPARISON_COLUMNS),
            ranks=tidy([], RANK_COLUMNS),
            per_tag=tidy([], PER_TAG_COLUMNS),
            per_category=tidy([], PER_CATEGORY_COLUMNS),
            consistency=tidy([], CONSISTENCY_COLUMNS),
            long_tail=tidy([], LONG_TAIL_COLUMNS),
            confusion=tidy([], CONFUSION_COLUMNS),
            failures=failed,
        )
    data = replicate(
        usable,
        n_boot=n_boot,
        seed=seed,
        training_counts=training_counts,
        facts=facts,
        clusters=clusters,
        threads=threads,
    )
    board = _leaderboard(data, usable, baseline)
    board |= {"n_boot": n_boot, "bootstrap_seed": seed}
    listed = _ranked(board, sorted({one.model for one in (*failures, *broken)}))
    return Tables(
        dataset=data.dataset,
        task=data.task,
        leaderboard=listed,
        robustness=robustness_frame(data),
        summary=summary_frame(data, baseline),
        comparisons=comparison_frame(data),
        ranks=rank_frame(data),
        per_tag=per_tag_frame(data),
        per_category=per_category_frame(data),
        consistency=consistency_frame(data),
        long_tail=long_tail_frame(data),
        confusion=confusion_frame(data),
        failures=failed,
    )


def _readable(
    evaluations: Sequence[Evaluation],
) -> tuple[list[Evaluation], list[CellFailure]]:
    """Set aside cells whose predictions cannot be read or hold NaN."""
    usable, broken = [], []
    for one in evaluations:
        try:
            load_predictions(one.predictions)
        except TagbenchError as error:
            where = (one.dataset, one.model, one.seed, one.perturbation, one.level)
            broken.append(CellFailure(*where, stage="score", error=str(error), cell_id=one.cell_id))
        else:
            usable.append(one)
    return usable, broken


def failure_frame(failures: Sequence[CellFailure]) -> pd.DataFrame:
    """Return one row per failure, in an order that does not depend on when each happened."""
    rows = [
        {**{name: getattr(one, name) for name in FAILURE_COLUMNS}, "error": one.error.strip()}
        for one in failures
    ]
    rows.sort(key=lambda row: [str(row[name]) for name in FAILURE_COLUMNS])
    return tidy(rows, FAILURE_COLUMNS)


def _leaderboard(
    data: Replicates, evaluations: Sequence[Evaluation], baseline: str
) -> dict[str, Any]:
    """Return the columns of the leaderboard, a row per model."""
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
    for metric in ("roc_auc", "pr_auc", *(m for m in data.metrics if m not in LEADERBOARD_COLUMNS)):
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
    for name in PROVENANCE:
        columns[name] = [_provenance(evaluations, model, name) for model in data.models]
    columns["mce_low"], columns["mce_high"] = data.interval(summary.mce)
    _with_interval(columns, "audc", data, summary.audc)
    _with_interval(columns, "worst_drop", data, summary.worst_drop)
    columns["tie_group"] = tie_groups(data.clean(data.primary), data.interval)
    columns["mce_baseline"] = baseline if baseline in data.models else None
    columns["n_clusters"] = data.n_clusters
    return columns


def _ranked(columns: dict[str, Any], failed: Sequence[str]) -> pd.DataFrame:
    """Sort models best first; those without a clean score come last, by name."""
    frame = pd.DataFrame(columns)
    names = set(frame["model"])
    rows: list[dict[Any, Any]] = [
        *frame.to_dict("records"),
        *({"model": name, "n_seeds": 0, "rank": np.nan} for name in failed if name not in names),
    ]
    rows.sort(key=lambda row: (np.nan_to_num(row["rank"], nan=np.inf), str(row["model"])))
    return tidy(rows, [str(name) for name in frame.columns])


def _with_interval(
    columns: dict[str, Any], name: str, data: Replicates, samples: np.ndarray
) -> None:
    columns[name] = samples[:, 0]
    columns[f"{name}_low"], columns[f"{name}_high"] = data.interval(samples)


def _clean_seeds(evaluations: Sequence[Evaluation], model: str) -> int:
    return len({one.seed for one in evaluations if one.model == model and one.severity == 0})


def _fact(evaluations: Sequence[Evaluation], model: str, name: str) -> float | None:
    """Return a cost of the model: the largest, should its cells disagree."""
    known = [one.cost[name] for one in evaluations if one.model == model and name in one.cost]
    return max(known) if known else None


def _provenance(evaluations: Sequence[Evaluation], model: str, name: str) -> str | None:
    """Return a fact of provenance, all its values where the model's cells disagree."""
    known = {one.provenance.get(name, "") for one in evaluations if one.model == model} - {""}
    short = {value[:12] if name.endswith("_digest") else value for value in known}
    return "+".join(sorted(short)) or None
