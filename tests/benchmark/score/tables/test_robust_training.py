"""The table of robust training: against counts by hand, and against a plain reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from benchmark.config.trained_on import Augmented, TrainedOn
from benchmark.score.pipeline import tables_of
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import Evaluation
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.store.tables import Tables, write_tables
from tests.support.reference_statistics import (
    CLUSTERS,
    FAMILIES,
    SEEDS,
    B,
    C,
    N,
    ReferenceStatistics,
    ends,
)
from tests.support.scored import GOOD, POOR, only_row, scores_by_hand, simulated

SIX = 6e-7
MODELS = ("crnn", "crnn+noise_and_more", "crnn+pitch_shift", "musicnn", "musicnn+white_noise")
AUGMENTED = {
    "crnn+noise_and_more": Augmented("noise_and_more", ("gain", "white_noise"), "crnn"),
    "crnn+pitch_shift": Augmented("pitch_shift", ("pitch_shift",), "crnn"),
    "crnn+time_stretch": Augmented("time_stretch", ("time_stretch",), "crnn"),
    "musicnn+white_noise": Augmented("white_noise", ("white_noise",), "musicnn"),
}
SEEN = {name: set(facts.families) for name, facts in AUGMENTED.items()}
CONTRACT = {"n_boot": B, "baseline": "crnn", "manifest_digest": "a", "split_digest": "b"}


def recorded(folder: Path, cells: list[Evaluation], failed: str) -> tuple[RunRecord, Store]:
    """Return a run record of cells whose trainings are named after their models."""
    store, entries = Store(folder), []
    for cell in cells:
        labels = {
            "model": cell.model,
            "seed": cell.seed,
            "task": cell.task,
            "preset": "tiny",
            "windows": "tiled",
            **cell.condition.labels(),
        }
        store.finish(cell.cell_id, {}, ["predictions.npz"])
        entries.append(
            {"id": cell.cell_id, "kind": "evaluation", "labels": labels, "depends_on": []}
        )
    for model in (*MODELS, failed):
        for seed in SEEDS:
            entry = {"id": f"{model}-{seed}", "kind": "train", "depends_on": []}
            entry["labels"] = {"model": model, "seed": seed}
            if facts := AUGMENTED.get(model):
                clean = f"{facts.unaugmented}-{seed}"
                own = Augmented(facts.augmentation, facts.families, clean)
                entry["augmented"] = own.to_json()
            entries.append(entry)
    # The plan also has the evaluations of the model whose training failed.
    planned = {"model": failed, "seed": 0, "perturbation": "clean"}
    entries.append({"id": "planned", "kind": "evaluation", "labels": planned, "depends_on": []})
    store.fail(f"{failed}-0", "train", "no memory")
    costs = {model: {"n_params": 1} for model in MODELS}
    return RunRecord("synth", CONTRACT, costs, tuple(entries)), store


@pytest.fixture(scope="module")
def reference_and_tables(tmp_path_factory) -> tuple[ReferenceStatistics, Tables]:
    folder = tmp_path_factory.mktemp("cells")
    cells = simulated(folder, MODELS, n=N, c=C, seeds=SEEDS, clusters=CLUSTERS)
    record, store = recorded(folder, cells, "crnn+time_stretch")
    return ReferenceStatistics(cells, "crnn"), tables_of(record, store)


def agree(row: pd.Series, name: str, samples: np.ndarray) -> None:
    assert row[name] == pytest.approx(samples[0], abs=SIX)
    interval = [row[f"{name}_low"], row[f"{name}_high"]]
    np.testing.assert_allclose(interval, ends(samples), rtol=0, atol=SIX)


def expected(
    reference: ReferenceStatistics, model: str, tested_on: str, seen: set[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return score and drop of a cell by their definition; the drop of clean audio is None."""
    if tested_on == "clean":
        return reference.clean(model), None
    over = [tested_on] if tested_on != "unseen" else sorted(set(FAMILIES) - seen)
    score = np.mean([np.mean(reference.curve(model, family), axis=0) for family in over], axis=0)
    drop = np.mean([np.mean(reference.drops(model, family), axis=0) for family in over], axis=0)
    return score, drop


def test_scores_drops_and_paired_differences(reference_and_tables):
    reference, tables = reference_and_tables
    rows = tables.robust_training
    assert list(dict.fromkeys(rows["base"])) == ["crnn", "musicnn"]
    for model in MODELS:
        base, seen = model.partition("+")[0], SEEN.get(model, set())
        for tested_on in ("clean", *FAMILIES, "unseen"):
            row = only_row(rows, base=base, model=model, tested_on=tested_on)
            score, drop = expected(reference, model, tested_on, seen)
            clean_score, clean_drop = expected(reference, base, tested_on, seen)
            agree(row, "score", score)
            if drop is not None:
                agree(row, "drop", drop)
            if model == base:
                assert pd.isna(row["score_difference"])
                assert pd.isna(row["drop_significant"])
            else:
                agree(row, "score_difference", score - clean_score)
                if drop is not None:
                    agree(row, "drop_difference", drop - clean_drop)
            assert row["n_seeds"] == len(SEEDS)
            assert pd.isna(row["missing"])


def test_the_diagonal_is_marked(reference_and_tables):
    rows = reference_and_tables[1].robust_training
    seen = rows[rows["seen"].fillna(value=False)]
    assert set(zip(seen["model"], seen["tested_on"], strict=True)) == {
        ("crnn+pitch_shift", "pitch_shift"),
        ("crnn+noise_and_more", "white_noise"),
        ("musicnn+white_noise", "white_noise"),
    }
    assert set(rows[rows["seen"].isna()]["tested_on"]) == {"clean", "unseen"}


def test_the_clean_model_comes_first_then_single_families(reference_and_tables):
    rows = reference_and_tables[1].robust_training
    crnn = rows[rows["base"] == "crnn"]
    assert list(dict.fromkeys(crnn["trained_on"])) == [
        *("clean", "pitch_shift", "noise_and_more", "time_stretch")
    ]


def test_p_values_are_corrected_within_a_matrix(reference_and_tables):
    reference, tables = reference_and_tables
    n_clusters = len(set(CLUSTERS))
    raw = {}
    for model in ("crnn+noise_and_more", "crnn+pitch_shift"):
        for family in FAMILIES:
            _, drop = expected(reference, model, family, set())
            _, clean = expected(reference, "crnn", family, set())
            difference = drop - clean
            statistic = abs(difference[0]) / difference[1:].std(ddof=1)
            raw[model, family] = 2 * student.sf(statistic, n_clusters - 1)
    largest = 0.0
    for rank, (key, p) in enumerate(sorted(raw.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, p * (len(raw) - rank)))
        row = only_row(tables.robust_training, model=key[0], tested_on=key[1])
        assert row["drop_p_holm"] == pytest.approx(largest, abs=SIX)
        assert row["drop_significant"] == (largest < 0.05)


def test_a_failed_training_has_a_row_that_says_so(reference_and_tables):
    rows = reference_and_tables[1].robust_training
    failed = rows[rows["model"] == "crnn+time_stretch"]
    assert list(failed["tested_on"]) == ["clean", *FAMILIES, "unseen"]
    assert failed["score"].isna().all()
    assert set(failed["missing"]) == {"seed 0: training failed"}


def test_drops_that_are_counted_by_hand(tmp_path: Path) -> None:
    facts = {
        "best": TrainedOn("best"),
        "even_a": TrainedOn("best", "white_noise", ("white_noise",)),
        "even_b": TrainedOn("best", "clmr", ("pitch_shift",)),
    }
    rows = build_tables(scores_by_hand(tmp_path), n_boot=20, trained_on=facts).robust_training
    noise = only_row(rows, model="best", tested_on="white_noise")
    assert noise["drop"] == pytest.approx(1 - (GOOD + POOR) / 2, abs=SIX)
    # Good on clean audio and at both levels, so that its drop is zero.
    noise = only_row(rows, model="even_a", tested_on="white_noise")
    assert noise["drop"] == 0.0
    assert noise["drop_difference"] == pytest.approx((GOOD + POOR) / 2 - 1, abs=SIX)
    clean = only_row(rows, model="even_a", tested_on="clean")
    assert clean["score_difference"] == pytest.approx(GOOD - 1, abs=SIX)
    # All families of the run were seen in training.
    unseen = only_row(rows, model="even_a", tested_on="unseen")
    assert unseen["n_families"] == 0
    assert unseen[["drop", "missing"]].isna().all()
    assert only_row(rows, model="even_b", tested_on="white_noise")["missing"] == "not evaluated"


def test_a_run_without_augmented_models_has_no_file(tmp_path: Path) -> None:
    tables = build_tables(simulated(tmp_path), n_boot=10)
    write_tables(tables, tmp_path)
    assert "robust_training.csv" not in tables.frames()
    assert not (tmp_path / "robust_training.csv").exists()
