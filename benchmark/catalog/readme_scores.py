"""Scores of architectures and of published weights on the embedded corpus, for the pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.store.files import read_json
from benchmark.store.run_record import load
from benchmark.store.store import Store
from benchmark.store.tables import read_tables

HEADER = (
    *("model", "ROC-AUC [95 %]", "above tag_prior", "PR-AUC", "parameters"),
    *("epochs", "training CPU"),
)
ELSEWHERE_HEADER = ("model", "trained on", "tags", "ROC-AUC [95 %]", "PR-AUC", "parameters")
_BASELINE = "tag_prior"
_UNIT = "musicnn"  # times are relative to this model, since seconds differ by machine


def rows(results: Path) -> list[tuple[str, ...]]:
    """Return one row per model, best first.

    Args:
        results: Results folder with a run on ``synth`` that includes ``tag_prior`` and ``musicnn``.
    """
    store = Store(results)
    board = read_tables(results / "synth").leaderboard.set_index("model", drop=False)
    facts = {
        cell["labels"]["model"]: read_json(store.folder(cell["id"]) / "metrics.json")
        for cell in load("synth", store).of_kind("train")
        if store.state(cell["id"]) == "done"
    }
    unit = facts[_UNIT]["cpu_seconds"]
    prior = float(board["roc_auc"][_BASELINE])
    return [
        (
            str(row["model"]),
            _roc_auc(row),
            f"{row['roc_auc'] - prior:+.3f}",
            f"{row['pr_auc']:.3f}",
            f"{int(row['n_params']):,}",
            str(facts[row["model"]]["epochs_run"]),
            f"{facts[row['model']]['cpu_seconds'] / unit:.2f} x",
        )
        for row in board.to_dict("records")
    ]


def elsewhere_rows(results: Path) -> list[tuple[str, ...]]:
    """Return one row per imported model, best first.

    Args:
        results: Results folder with a run of checkpoints on ``synth``.
    """
    tables = read_tables(results / "synth")
    total = len(load("synth", Store(results)).info["compared_tags"]["corpus"])
    shared = tables.per_tag["tag"].nunique()
    return [
        (
            str(row["model"]),
            f"`{row['trained_on']}`",
            f"{shared} of {total}",
            _roc_auc(row),
            f"{row['pr_auc']:.3f}",
            f"{int(row['n_params']):,}",
        )
        for row in tables.leaderboard.dropna(subset=["trained_on"]).to_dict("records")
    ]


def _roc_auc(row: Mapping[Any, Any]) -> str:
    return f"{row['roc_auc']:.3f} [{row['roc_auc_low']:.3f}, {row['roc_auc_high']:.3f}]"
