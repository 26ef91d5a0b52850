"""Measuring the tables computes all of them, and scales the timed calls to those of a sweep."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from benchmark.score.tables.build import build_tables
from benchmark.speed import tables_speed
from benchmark.speed.tables_speed import CALLS, Case, _cells, _scikit_learn, measure, write


def test_tables_are_measured_beside_scikit_learn(tmp_path: Path) -> None:
    case = Case(replicates=70, tags=6, tracks=120, conditions=7, cores=1)
    said: list[str] = []
    rows, about = measure(case, said.append)
    write(rows, about, tmp_path)
    frame = pd.read_csv(tmp_path / "statistics.csv").set_index("what")
    assert (frame["seconds"] > 0).all()
    assert "70 replicates, 6 tags, 120 tracks, 7 conditions, one model, 1 cores" in about
    assert about in (tmp_path / "statistics.md").read_text(encoding="utf-8")
    assert len(said) == 2


def test_timed_calls_are_scaled_to_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(replicates=9, tags=6, tracks=120, conditions=7)
    cell = _cells(case, tmp_path)[0]
    times = iter((100.0, 100.0 + CALLS / 2))  # half a second for both scores of a tag
    monkeypatch.setattr(tables_speed, "time", SimpleNamespace(perf_counter=lambda: next(times)))
    # Each replicate, and the estimate on all tracks, takes each tag of each condition.
    assert _scikit_learn(case, cell) == 0.5 * 6 * 7 * 10


def test_what_is_measured_is_a_whole_benchmark(tmp_path: Path) -> None:
    case = Case(replicates=30, tags=6, tracks=120, conditions=7)
    tables = build_tables(_cells(case, tmp_path), n_boot=case.replicates)
    scores = tables.robustness.query("metric == 'roc_auc'").sort_values(["family", "severity"])
    assert len(scores) == 7
    assert scores["low"].notna().all()
    assert scores["value"].iloc[0] > scores["value"].iloc[-1] > 0.6
    assert tables.leaderboard["n_valid_tags"].item() == 6
    assert 1 < tables.leaderboard["n_clusters"].item() < 120
    for name in ("summary", "per_tag", "consistency", "robustness"):
        assert len(getattr(tables, name))
