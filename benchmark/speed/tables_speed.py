"""Speed of all tables from stored predictions, compared with calls of scikit-learn."""

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
CALLS = 40  # timed calls of scikit-learn, from which the time of all calls is estimated


@dataclass(frozen=True)
class Case:
    """Sizes of the predictions; by default those of one model on MTAT with profile core.

    Attributes:
        replicates: Bootstrap replicates.
        tags: Number of tags.
        tracks: Number of test tracks.
        conditions: Number of conditions, the clean one included.
        cores: Conditions scored in parallel; 0 uses all cores.
    """

    replicates: int = 1000
    tags: int = 50
    tracks: int = 4332
    conditions: int = 21
    cores: int = 0


@dataclass(frozen=True)
class TablesRow:
    """One row of the table.

    Attributes:
        what: What was computed, and with what.
        seconds: Wall time in seconds.
        to_tables: That time divided by the time of all tables.
    """

    what: str
    seconds: float
    to_tables: float


def measure(case: Case, announce: Callable[[str], None]) -> tuple[list[TablesRow], str]:
    """Time all tables of one model, and two scores of scikit-learn on the same predictions.

    Args:
        case: Sizes of the predictions.
        announce: Receives a line of progress.

    Returns:
        The rows, and one line that describes the measurement.
    """
    cores = case.cores or usable_cpus()
    with tempfile.TemporaryDirectory() as scratch:
        cells = _cells(case, Path(scratch))
        # The first call compiles the metrics, which happens once on a machine.
        build_tables(cells[:1], n_boot=1, threads=1)
        start = time.perf_counter()
        build_tables(cells, n_boot=case.replicates, threads=cores)
        ours = time.perf_counter() - start
        announce(f"every table: {ours:.1f} s")
        theirs = _scikit_learn(case, cells[0])
        announce(f"ROC-AUC and PR-AUC by scikit-learn, estimated: {theirs:.0f} s")
    rows = [
        TablesRow("every table", ours, 1.0),
        TablesRow("ROC-AUC and PR-AUC by scikit-learn, estimated, one core", theirs, theirs / ours),
    ]
    about = (
        f"{case.replicates} replicates, {case.tags} tags, {case.tracks} tracks, "
        f"{case.conditions} conditions, one model, {cores} cores"
    )
    return rows, about


def write(rows: list[TablesRow], about: str, out: Path) -> None:
    """Write ``statistics.csv`` and ``statistics.md``.

    Args:
        rows: Rows of `measure`.
        about: Description of the measurement.
        out: Folder of the files.
    """
    frame = pd.DataFrame(rows)
    tables.write_files(out / "statistics.csv", frame, f"{about}\n\n{tables.plain(frame)}")


def _cells(case: Case, folder: Path) -> list[Evaluation]:
    """Store predictions of a model whose scores fall from condition to condition."""
    rng = rng_for("speed of statistics")
    # Prevalences from common to rare, as in MTAT: 19 % to 1.7 % of the tracks.
    share = np.geomspace(0.19, 0.017, case.tags)
    targets = (rng.rand(case.tracks, case.tags) < share).astype(np.uint8)
    targets[0], targets[1] = 1, 0
    ids = np.array([f"t{i:06d}" for i in range(case.tracks)])
    clusters = np.array([f"artist:{i % max(2, case.tracks // 20)}" for i in range(case.tracks)])
    names = np.array([f"tag{i:02d}" for i in range(case.tags)])
    noise, evaluations = rng.standard_normal(targets.shape), []
    for index in range(case.conditions):
        logits = 2 * (1 - index / 40) * targets + noise + 0.1 * rng.standard_normal(targets.shape)
        path = folder / f"{index:03d}" / "predictions.npz"
        path.parent.mkdir()
        np.savez(
            path, track_ids=ids, tags=names, clusters=clusters, targets=targets,
            scores=(1 / (1 + np.exp(-logits))).astype(np.float32),
        )  # fmt: skip
        name = "clean" if index == 0 else f"noise{(index - 1) // 5}"
        severity = 0 if index == 0 else 1 + (index - 1) % 5
        evaluations.append(
            Evaluation(
                cell_id=f"{index:03d}", dataset="speed", model=MODEL, seed=0,
                condition=Condition(name, name, severity, float(severity), ""),
                task="multilabel", predictions=path,
            )
        )  # fmt: skip
    return evaluations


def _scikit_learn(case: Case, cell: Evaluation) -> float:
    """Return the estimated seconds of all calls, from `CALLS` calls with bootstrap weights."""
    stored = load_predictions(cell.predictions)
    drawn = draw_weights(stored.clusters, 1, "speed", 0)
    weight = drawn.packed[0, :, 1].astype(float)  # weights of the only replicate
    tags = [tag % case.tags for tag in range(CALLS)]
    start = time.perf_counter()
    for tag in tags:
        for function in (roc_auc_score, average_precision_score):
            function(stored.targets[:, tag], stored.scores[:, tag], sample_weight=weight)
    seconds = time.perf_counter() - start
    return seconds / CALLS * case.tags * case.conditions * (case.replicates + 1)
