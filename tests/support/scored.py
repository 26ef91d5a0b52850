"""Predictions with known properties, for the tests of tables and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.perturbations import Condition
from benchmark.store.predictions import CellFailure, Evaluation

CONDITIONS = {
    "clean": ("clean", "", {0: 0.0}),
    "pitch_up": ("pitch_shift", "semitones", {1: 0.25, 3: 1.0}),
    "pitch_down": ("pitch_shift", "semitones", {1: -0.25, 3: -1.0}),
    "white_noise": ("white_noise", "dB SNR", {1: 30.0, 3: 15.0}),
}
_CONDITION = ("perturbation", "family", "severity", "level", "unit", "protocol")
PROVENANCE = {
    "windows": "tiled",
    "preset": "quick",
    "manifest_digest": "ab" * 32,
    "split_digest": "cd" * 32,
    "version": "1.2.3",
}
FAILURE = CellFailure(
    "synth", "crnn", 0, "white_noise", 15.0, "evaluate", "RuntimeError: no memory", "c0ffee"
)
GOOD, POOR = (0.75 + 1.0) / 2, (0.25 + 2 / 3) / 2
"""Macro ROC-AUC of two of the predictions of ``scores_by_hand``; the others have 1."""


def evaluation(folder: Path, scores, targets, *, clusters=None, tracks=None, **facts) -> Evaluation:
    """Store predictions as the runner does and return their record."""
    labels = {
        "dataset": "synth",
        "model": "fcn",
        "seed": 0,
        "perturbation": "clean",
        "severity": 0,
        "protocol": "suite",
        "task": "multilabel",
        "cost": {"n_params": 1000, "macs_per_second_of_audio": 5_000_000},
        "provenance": PROVENANCE,
        **facts,
    }
    if "family" not in labels:
        family, unit, levels = CONDITIONS[labels["perturbation"]]
        labels |= {"family": family, "unit": unit, "level": levels[labels["severity"]]}
    names = ("model", "seed", "protocol", "perturbation", "severity")
    cell = "-".join(str(labels[name]) for name in names)
    path = folder / "cells" / cell / "predictions.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    targets = np.asarray(targets, dtype=np.uint8)
    ids = np.array([f"t{i:04d}" for i in range(len(targets))]) if tracks is None else tracks
    np.savez(
        path,
        track_ids=ids,
        tags=np.array([f"tag{c}" for c in range(targets.shape[1])]),
        scores=np.asarray(scores, dtype=np.float32),
        targets=targets,
        clusters=ids if clusters is None else np.asarray(clusters),
    )
    condition = Condition(**{name: labels.pop(name) for name in _CONDITION})
    return Evaluation(cell_id=cell, predictions=path, condition=condition, **labels)


def simulated(
    folder: Path,
    models=("fcn", "musicnn", "tag_prior"),
    *,
    n=90,
    c=5,
    seeds=(0,),
    task="multilabel",
    clusters=None,
) -> list[Evaluation]:
    """Store a small benchmark: later models are weaker, severity costs accuracy."""
    rng = np.random.RandomState(11)
    if task == "singlelabel":
        targets = np.eye(c, dtype=np.uint8)[np.arange(n) % c]
    else:
        targets = (rng.rand(n, c) < 0.3).astype(np.uint8)
    cells = []
    for m, model in enumerate(models):
        for seed in seeds:
            noise = rng.randn(n, c)
            for perturbation, (_, _, levels) in CONDITIONS.items():
                for severity in levels:
                    signal = (2.0 - 0.5 * m) * (1 - 0.2 * severity)
                    logits = signal * targets + noise + 0.1 * severity * rng.randn(n, c)
                    if model == "tag_prior":
                        logits = np.tile(np.linspace(-2, 1, c), (n, 1))
                    cells.append(
                        evaluation(
                            folder,
                            1 / (1 + np.exp(-logits)),
                            targets,
                            clusters=clusters,
                            model=model,
                            seed=seed,
                            perturbation=perturbation,
                            severity=severity,
                            task=task,
                        )
                    )
    return cells


def scores_by_hand(folder: Path) -> list[Evaluation]:
    """Store predictions of two tags on four tracks, whose ROC-AUC is counted by hand."""
    targets = [[1, 0], [1, 0], [0, 1], [0, 0]]
    perfect = [[0.9, 0.1], [0.8, 0.2], [0.2, 0.9], [0.1, 0.3]]
    # First tag: three of four pairs in order; second: perfect.
    good = [[0.9, 0.1], [0.3, 0.2], [0.5, 0.9], [0.1, 0.3]]
    # First tag 1/4; second: 2 of 3 pairs.
    poor = [[0.1, 0.1], [0.6, 0.8], [0.5, 0.7], [0.9, 0.3]]
    noise = {"perturbation": "white_noise"}
    return [
        evaluation(folder, perfect, targets, model="best"),
        evaluation(folder, good, targets, model="best", severity=1, **noise),
        evaluation(folder, poor, targets, model="best", severity=3, **noise),
        evaluation(folder, good, targets, model="even_b"),
        evaluation(folder, good, targets, model="even_a"),
        evaluation(folder, good, targets, model="even_a", severity=1, **noise),
        evaluation(folder, good, targets, model="even_a", severity=3, **noise),
    ]


def only_row(frame: pd.DataFrame, **values: Any) -> pd.Series:
    """Return the one row that has these values; fail if there are none or several."""
    for name, value in values.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1, values
    return frame.iloc[0]
