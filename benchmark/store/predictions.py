"""Stored predictions and failures of the cells of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from benchmark.perturbations import Condition
from datamodules.common.errors import TagbenchError


@dataclass(frozen=True)
class Evaluation:
    """One evaluated cell: a trained model on one condition of one dataset.

    Attributes:
        cell_id: Identity of the evaluation cell.
        dataset: Label of the dataset.
        model: Label of the model.
        seed: Training seed.
        condition: Condition under which the model was evaluated.
        task: ``"multilabel"`` or ``"singlelabel"``.
        predictions: ``predictions.npz`` with ``track_ids`` (N,), ``tags`` (C,), ``scores`` (N, C)
            probabilities, ``targets`` (N, C) of 0 and 1, ``clusters`` (N,).
        cost: Deterministic costs: ``n_params`` and ``macs_per_second_of_audio``.
        provenance: ``windows``, ``preset``, ``manifest_digest``, ``split_digest``, ``version``;
            where an imported model is among those compared, also ``trained_on`` and ``tag_set``.
        tags: Names (K,) of the tags that the models are compared on; empty for all that are stored.
        columns: Names (K,) of these tags in the stored predictions.
        trained_tags: Tags that the model was trained on, if it predicts others too; None for all.
    """

    cell_id: str
    dataset: str
    model: str
    seed: int
    condition: Condition
    task: str
    predictions: Path
    cost: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    trained_tags: tuple[str, ...] | None = None


@dataclass(frozen=True)
class CellFailure:
    """One cell that did not finish; a row of ``failures.csv``.

    Attributes:
        dataset: Label of the dataset.
        model: Label of the model.
        seed: Training seed.
        perturbation: ``"clean"``, a perturbation, or ``""`` for a training cell.
        level: Physical level; None if not applicable.
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
class Predictions:
    """Stored track-level predictions of one cell.

    Attributes:
        track_ids: (N,) names, sorted.
        tags: (C,) names.
        scores: (N, C) float32 probabilities.
        targets: (N, C) uint8, 0 or 1.
        clusters: (N,) names of the units that the bootstrap resamples.
        extra: Further arrays (N, ...) of a model, by name; see `TaggingModule.track_arrays`.
    """

    track_ids: np.ndarray
    tags: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    clusters: np.ndarray
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)


_STORED = ("track_ids", "tags", "scores", "targets", "clusters")


def load_predictions(path: Path) -> Predictions:
    """Read and check ``predictions.npz``.

    Raises:
        TagbenchError: The file is missing, unreadable or incomplete, its shapes are inconsistent,
            or a score is not finite.
    """
    # The cell and not the path, so that failures.csv is the same on every machine.
    where = f"{path.name} of cell {path.parent.name}"
    again = "Delete that cell's folder and run the benchmark again."
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _STORED}
            extra = {name: stored[name] for name in stored.files if name not in _STORED}
    except FileNotFoundError as error:
        raise TagbenchError(f"{where} is missing. {again}") from error
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise TagbenchError(f"{where} cannot be read: {error}. {again}") from error
    predictions = Predictions(**arrays, extra=extra)
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


def compared_predictions(evaluation: Evaluation) -> Predictions:
    """Read the predictions of an evaluation for the tags that models are compared on.

    Where the classes of a single-label corpus are not all compared, the probabilities of a track
    are divided by their sum over the compared ones, which is a softmax over these classes, and
    tracks of other classes are left out.

    Args:
        evaluation: A finished evaluation.

    Raises:
        TagbenchError: The file cannot be read, see `load_predictions`, or lacks a compared tag.
    """
    stored = load_predictions(evaluation.predictions)
    if not evaluation.columns:
        return stored
    place = {str(tag): at for at, tag in enumerate(stored.tags)}
    if missing := [tag for tag in evaluation.columns if tag not in place]:
        raise TagbenchError(
            f"{evaluation.predictions.name} of cell {evaluation.cell_id} has no scores for "
            f"{', '.join(missing)}. Delete that cell's folder and run the benchmark again."
        )
    at = [place[tag] for tag in evaluation.columns]
    scores, targets = stored.scores[:, at], stored.targets[:, at]
    kept = np.arange(len(targets))
    if evaluation.task == "singlelabel":
        total = scores.sum(axis=1, dtype=np.float64, keepdims=True)
        shares = np.divide(scores, total, where=total > 0, out=np.full(scores.shape, 1.0 / len(at)))
        scores = shares.astype(np.float32)
        if targets.any():
            kept = np.flatnonzero(targets.any(axis=1))
    return Predictions(
        stored.track_ids[kept],
        np.asarray(evaluation.tags, dtype=np.str_),
        scores[kept],
        targets[kept],
        stored.clusters[kept],
        {name: values[kept] for name, values in stored.extra.items()},
    )
