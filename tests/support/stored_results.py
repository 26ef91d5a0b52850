"""A results folder of simulated predictions, with a record and tables, as a run leaves it."""

from __future__ import annotations

from pathlib import Path

from benchmark.score.pipeline import tables_of
from benchmark.store.run_record import RunRecord, load, write
from benchmark.store.store import Store
from benchmark.store.tables import Tables, write_tables
from tests.support.scored import PROVENANCE, simulated


def stored_results(results: Path, *, task: str = "multilabel") -> Tables:
    """Write results of three models on ``synth``, each with two seeds; returns their tables."""
    store, cells = Store(results), []
    evaluations = simulated(results, n=40, seeds=(0, 1), task=task)
    for one in evaluations:
        labels = {
            "dataset": "synth", "task": task, "model": one.model, "seed": one.seed,
            "windows": PROVENANCE["windows"], "preset": PROVENANCE["preset"],
            **one.condition.labels(),
        }  # fmt: skip
        parent = f"train-{one.model}-{one.seed}"
        cells.append(
            {"id": one.cell_id, "kind": "evaluation", "labels": labels, "depends_on": [parent]}
        )
        store.finish(one.cell_id, {}, ["predictions.npz"])
    info = {
        "contract": "{}", "preset": "quick", "n_boot": 60, "baseline": "fcn",
        "manifest_digest": "ab" * 32, "split_digest": "cd" * 32,
    }  # fmt: skip
    models = {one.model: one.cost for one in evaluations}
    write(RunRecord("synth", info, models, tuple(cells)), store)
    tables = tables_of(load("synth", store), store)
    write_tables(tables, results / "synth")
    return tables
