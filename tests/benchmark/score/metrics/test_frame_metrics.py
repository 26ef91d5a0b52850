"""Frame accuracy is the share of all frames, under every weighting of the tracks."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.score import metrics

WEIGHTS = np.array([[1, 1, 1], [2, 0, 1]], dtype=np.uint8)
TARGETS = np.eye(2, dtype=np.uint8)[[0, 1, 1]]
VOTES = np.array([[3, 1], [6, 4], [0, 2]])


def frame_accuracy(**extra: np.ndarray) -> np.ndarray:
    packed = metrics.pack_weights(WEIGHTS)
    sample = metrics.Sample(TARGETS.astype(np.float32), TARGETS, packed, single=True, extra=extra)
    return metrics.all_metrics()["frame_accuracy"].compute(sample)[: len(WEIGHTS)]


def test_frames_count_and_not_tracks():
    accuracy = frame_accuracy(frame_votes=VOTES, frames=VOTES.sum(axis=1))
    assert accuracy == pytest.approx([9 / 16, 8 / 10])


def test_models_without_frames_have_none():
    assert np.isnan(frame_accuracy()).all()
