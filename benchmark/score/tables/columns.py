"""Columns of the CSV files: their order, their kind, and which of them name a row."""

from __future__ import annotations

PROVENANCE = ("windows", "preset", "manifest_digest", "split_digest", "version")

LEADERBOARD_COLUMNS = (
    *("rank", "rank_low", "rank_high", "model", "n_seeds", "n_tracks", "n_valid_tags", "n_params"),
    *("roc_auc", "roc_auc_low", "roc_auc_high", "pr_auc", "pr_auc_low", "pr_auc_high"),
)
"""Columns that every leaderboard starts with."""

ROBUSTNESS_COLUMNS = (
    *("dataset", "model", "perturbation", "level", "unit", "metric", "value", "low", "high"),
    *("drop", "drop_low", "drop_high", "n_tracks", "n_seeds", "protocol", "severity", "family"),
    *("n_tags", "p_drop_holm"),
)

SUMMARY_COLUMNS = (*("model", "protocol", "family", "metric", "statistic", "value", "low", "high"),)

COMPARISON_COLUMNS = (
    *("model_a", "model_b", "protocol", "scope", "metric", "score_a", "score_b"),
    *("difference", "low", "high", "p_beats", "p_holm", "significant"),
    *("drop_difference", "drop_low", "drop_high"),
)

RANK_COLUMNS = (
    *("protocol", "family", "perturbation", "severity", "level", "unit", "metric"),
    *("kendall_tau", "low", "high", "noise_ceiling", "n_models", "n_swaps", "swaps"),
)

PER_TAG_COLUMNS = (
    *("dataset", "model", "perturbation", "severity", "tag", "n_positive", "roc_auc", "low"),
    *("high", "pr_auc", "pr_auc_low", "pr_auc_high", "pr_auc_trapezoid", "f1", "mcc", "drop"),
    *("drop_low", "drop_high", "level", "unit", "protocol", "family", "n_seeds"),
    *("precision", "recall", "f1_low", "f1_high", "n_train"),
)

PER_CATEGORY_COLUMNS = (
    *("dataset", "model", "perturbation", "severity", "category", "n_tags", "roc_auc", "low"),
    *("high", "pr_auc", "pr_auc_low", "pr_auc_high", "drop", "drop_low", "drop_high"),
    *("level", "unit", "protocol", "family", "n_seeds"),
)

CONSISTENCY_COLUMNS = (
    *("model", "perturbation", "severity", "level", "unit", "protocol", "metric", "value"),
    *("low", "high", "n_tracks", "family", "n_seeds"),
)

LONG_TAIL_COLUMNS = (
    *("model", "threshold", "k", "accuracy", "low", "high", "n_tracks", "n_classes", "classes"),
)

CONFUSION_COLUMNS = ("model", "true", "predicted", "count")

FAILURE_COLUMNS = (
    *("dataset", "model", "seed", "perturbation", "level", "stage", "error", "cell_id"),
)

EFFECT_COLUMNS = (
    *("dataset", "perturbation", "family", "severity", "level", "unit", "protocol"),
    *("quantity", "quantity_unit", "asked", "mean", "median", "low", "high", "n_clips"),
)

KEYS = {
    "leaderboard.csv": ("model",),
    "robustness.csv": ("model", "protocol", "perturbation", "severity", "level", "metric"),
    "summary.csv": ("model", "protocol", "family", "metric", "statistic"),
    "comparisons.csv": ("model_a", "model_b", "protocol", "scope", "metric"),
    "ranks.csv": ("protocol", "perturbation", "severity", "level", "metric"),
    "per_tag.csv": ("model", "protocol", "perturbation", "severity", "level", "tag"),
    "per_category.csv": (*("model", "protocol", "perturbation", "severity", "level", "category"),),
    "consistency.csv": ("model", "protocol", "perturbation", "severity", "level", "metric"),
    "long_tail.csv": ("model", "threshold", "k"),
    "confusion.csv": ("model", "true", "predicted"),
    "effects.csv": ("protocol", "perturbation", "severity", "level", "quantity"),
    "failures.csv": ("model", "seed", "perturbation", "level", "stage", "cell_id"),
}
"""Columns that name a row of each file."""

WHOLE = {
    *("rank", "rank_low", "rank_high", "seed", "severity", "n_positive", "n_boot"),
    *("n_seeds", "n_tracks", "n_valid_tags", "n_params", "n_clusters", "bootstrap_seed"),
    *("macs_per_second_of_audio", "tie_group", "threshold", "k", "n_classes", "count", "n_train"),
    *("n_tags", "n_models", "n_swaps", "n_clips"),
}
"""Columns of whole numbers."""

TRUTH = {"significant"}
"""Columns of true and false."""

TEXT = {
    *("model", "dataset", "perturbation", "unit", "metric", "protocol", "family", "tag"),
    *("stage", "error", "cell_id", "mce_baseline", "classes", "true", "predicted", *PROVENANCE),
    *("model_a", "model_b", "scope", "statistic", "swaps", "category"),
    *("quantity", "quantity_unit"),
}
"""Columns of text; the others hold fractions."""
