"""What the runner hands to the statistics, and the tables made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from datamodules.common.errors import TagbenchError


@dataclass(frozen=True)
class Evaluation:
    """One evaluated cell: a trained model on one condition of one dataset.

    Attributes:
        cell_id: Identity of the evaluation cell.
        dataset: Label of the dataset.
        model: Label of the model.
        seed: Training seed.
        perturbation: Member of a family, such as ``"pitch_up"``; ``"clean"`` for untouched audio.
        family: Family of the perturbation, such as ``"pitch_shift"``; ``"clean"`` likewise.
        severity: 0 (clean) to 5.
        level: Physical level, in ``unit``.
        unit: ``"semitones"``, ``"rate"``, ``"dB SNR"``, ``"ratio"`` or ``""``.
        protocol: Perturbation protocol, ``"suite"`` or ``"won2020"``.
        task: ``"multilabel"`` or ``"singlelabel"``.
        predictions: ``predictions.npz`` with ``track_ids`` (N,), ``tags`` (C,), ``scores`` (N, C)
            probabilities, ``targets`` (N, C) of 0 and 1, ``clusters`` (N,).
        cost: Deterministic costs: ``n_params`` and ``macs_per_second_of_audio``.
        provenance: ``windows``, ``preset``, ``manifest_digest``, ``split_digest``, ``version``.
    """

    cell_id: str
    dataset: str
    model: str
    seed: int
    perturbation: str
    family: str
    severity: int
    level: float
    unit: str
    protocol: str
    task: str
    predictions: Path
    cost: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CellFailure:
    """One cell that did not finish; a row of ``failures.csv``.

    Attributes:
        dataset: Label of the dataset.
        model: Label of the model.
        seed: Training seed.
        perturbation: ``"clean"``, a perturbation, or ``""`` for a training cell.
        level: Physical level; None where it has no meaning.
        stage: ``"prepare"``, ``"train"`` or ``"evaluate"``.
        error: One line: the type and message of the exception.
        cell_id: Identity of the cell.
    """

    dataset: str
    model: str
    seed: int
    perturbation: str
    level: float | None
    stage: str
    error: str
    cell_id: str


@dataclass(frozen=True)
class Tables:
    """The frames behind the CSV files of a dataset, see :meth:`frames`.

    Attributes:
        dataset: Label of the dataset that all rows are about.
        task: ``"multilabel"`` or ``"singlelabel"``.
        leaderboard: One row per model, best first.
        robustness: One row per model, condition and metric.
        summary: One row per model, protocol, family (``all`` for all of them) and statistic.
        comparisons: One row per pair of models, protocol and scope.
        ranks: One row per perturbed condition: how far it keeps the order of the models.
        per_tag: One row per model, condition and tag.
        per_category: One row per model, condition and category of tags.
        consistency: One row per model, perturbed condition and measure: how far predictions moved.
        long_tail: One row per model, threshold of rarity and K; no rows where no class is rare.
        confusion: One row per model, true and predicted class; no rows for a multi-label task.
        failures: One row per failed cell; no rows when none failed.
        effects: One row per perturbed condition and quantity: what was asked, what was heard. No
            rows for results of a version that did not measure it.
    """

    dataset: str
    task: str
    leaderboard: pd.DataFrame
    robustness: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    ranks: pd.DataFrame
    per_tag: pd.DataFrame
    per_category: pd.DataFrame
    consistency: pd.DataFrame
    long_tail: pd.DataFrame
    confusion: pd.DataFrame
    failures: pd.DataFrame
    effects: pd.DataFrame = field(default_factory=pd.DataFrame)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the frames by the name of their CSV file.

        Only a single-label dataset has ``confusion.csv``, and results without effects no
        ``effects.csv``.
        """
        confusion = {"confusion.csv": self.confusion} if self.task == "singlelabel" else {}
        return {
            "leaderboard.csv": self.leaderboard,
            "robustness.csv": self.robustness,
            "summary.csv": self.summary,
            "comparisons.csv": self.comparisons,
            "ranks.csv": self.ranks,
            "per_tag.csv": self.per_tag,
            "per_category.csv": self.per_category,
            "consistency.csv": self.consistency,
            "long_tail.csv": self.long_tail,
            **confusion,
            "failures.csv": self.failures,
            **({"effects.csv": self.effects} if len(self.effects) else {}),
        }


@dataclass(frozen=True)
class Predictions:
    """Stored track-level predictions of one cell.

    Attributes:
        track_ids: (N,) names, sorted.
        tags: (C,) names.
        scores: (N, C) float32 probabilities.
        targets: (N, C) uint8, 0 or 1.
        clusters: (N,) names of the units that the bootstrap resamples.
    """

    track_ids: np.ndarray
    tags: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    clusters: np.ndarray


def load_predictions(path: Path) -> Predictions:
    """Read and check ``predictions.npz``.

    Raises:
        TagbenchError: The file is absent, unreadable, incomplete, or its arrays disagree.
    """
    # The cell, not the path: the message may end in failures.csv, which is equal on any machine.
    where = f"{path.name} of cell {path.parent.name}"
    again = "Delete that cell's folder and run the benchmark again."
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in Predictions.__dataclass_fields__}
    except FileNotFoundError as error:
        raise TagbenchError(f"{where} is missing. {again}") from error
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise TagbenchError(f"{where} cannot be read: {error}. {again}") from error
    predictions = Predictions(**arrays)
    n, c = len(predictions.track_ids), len(predictions.tags)
    for name, expected in (("scores", (n, c)), ("targets", (n, c)), ("clusters", (n,))):
        if arrays[name].shape != expected:
            raise TagbenchError(
                f"{where}: {name} has shape {arrays[name].shape}, expected {expected}. {again}"
            )
    if not np.isfinite(predictions.scores).all():
        raise TagbenchError(
            f"{where}: scores contain NaN or infinity, so that tracks cannot be ranked. {again}"
        )
    return predictions
