"""Speed of the statistics: from stored predictions to every table, beside scikit-learn's calls."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.perturbations import Condition
from benchmark.score.bootstrap import draw_weights
from benchmark.score.tables.build import build_tables
from benchmark.speed import tables
from benchmark.store.predictions import Evaluation, load_predictions
from datamodules.common.cpus import usable_cpus
from datamodules.common.seeding import rng_for

MODEL = "fcn"
CALLS = 40  # of scikit-learn, from which all are estimated


@dataclass(frozen=True)
class Case:
    """What is measured; by default one model on the test set of MTAT, clean and core.

    Attributes:
        replicates: Of the bootstrap.
        tags: Of the dataset.
        tracks: In its test.
        conditions: Clean and perturbed.
        cores: Conditions scored at once; 0: all there are.
    """

    replicates: int = 1000
    tags: int = 50
    tracks: int = 4332
    conditions: int = 21
    cores: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: A way to compute.
        seconds: Wall time.
        to_tables: By the time of all tables.
    """

    what: str
    seconds: float
    to_tables: float


def measure(case: Case, say: Callable[[str], None]) -> tuple[list[Row], str]:
    """Time the tables of one model, and two scores of scikit-learn for the same numbers.

    Args:
        case: What.
        say: Takes a line for people.

    Returns:
        Rows, and a line on what was measured.
    """
    cores = case.cores or usable_cpus()
    with tempfile.TemporaryDirectory() as scratch:
        cells = _cells(case, Path(scratch))
        # Compiled before: a machine does that once.
        build_tables(cells[:1], n_boot=1, threads=1)
        start = time.perf_counter()
        build_tables(cells, n_boot=case.replicates, threads=cores)
        ours = time.perf_counter() - start
        say(f"every table: {ours:.1f} s")
        theirs = _scikit_learn(case, cells[0])
        say(f"ROC-AUC and PR-AUC by scikit-learn, estimated: {theirs:.0f} s")
    rows = [
        Row("every table", ours, 1.0),
        Row("ROC-AUC and PR-AUC by scikit-learn, estimated, one core", theirs, theirs / ours),
    ]
    about = (
        f"{case.replicates} replicates, {case.tags} tags, {case.tracks} tracks, "
        f"{case.conditions} conditions, one model, {cores} cores"
    )
    return rows, about


def write(rows: list[Row], about: str, out: Path) -> None:
    """Write ``statistics.csv`` and ``statistics.md``.

    Args:
        rows: Of `measure`.
        about: Likewise.
        out: Folder.
    """
    frame = pd.DataFrame(rows)
    tables.write_files(out / "statistics.csv", frame, f"{about}\n\n{tables.plain(frame)}")


def _cells(case: Case, folder: Path) -> list[Evaluation]:
    """Store predictions of a model that gets worse from condition to condition."""
    rng = rng_for("speed of statistics")
    # Prevalences from common to rare, as in MTAT: 19 % to 1.7 % of the tracks.
    share = np.geomspace(0.19, 0.017, case.tags)
    targets = (rng.rand(case.tracks, case.tags) < share).astype(np.uint8)
    targets[0], targets[1] = 1, 0
    ids = np.array([f"t{i:06d}" for i in range(case.tracks)])
    clusters = np.array([f"artist:{i % max(2, case.tracks // 20)}" for i in range(case.tracks)])
    names = np.array([f"tag{i:02d}" for i in range(case.tags)])
    noise, found = rng.standard_normal(targets.shape), []
    for at in range(case.conditions):
        logits = 2 * (1 - at / 40) * targets + noise + 0.1 * rng.standard_normal(targets.shape)
        path = folder / f"{at:03d}" / "predictions.npz"
        path.parent.mkdir()
        np.savez(
            path, track_ids=ids, tags=names, clusters=clusters, targets=targets,
            scores=(1 / (1 + np.exp(-logits))).astype(np.float32),
        )  # fmt: skip
        name = "clean" if at == 0 else f"noise{(at - 1) // 5}"
        severity = 0 if at == 0 else 1 + (at - 1) % 5
        found.append(
            Evaluation(
                cell_id=f"{at:03d}", dataset="speed", model=MODEL, seed=0,
                condition=Condition(name, name, severity, float(severity), ""),
                task="multilabel", predictions=path,
            )
        )  # fmt: skip
    return found


def _scikit_learn(case: Case, cell: Evaluation) -> float:
    """Time some calls with the weights of a replicate, and scale to all."""
    stored = load_predictions(cell.predictions)
    drawn = draw_weights(stored.clusters, 1, "speed", 0)
    weight = drawn.packed[0, :, 1].astype(float)  # of the one replicate
    tags = [tag % case.tags for tag in range(CALLS)]
    start = time.perf_counter()
    for tag in tags:
        for function in (roc_auc_score, average_precision_score):
            function(stored.targets[:, tag], stored.scores[:, tag], sample_weight=weight)
    seconds = time.perf_counter() - start
    return seconds / CALLS * case.tags * case.conditions * (case.replicates + 1)
