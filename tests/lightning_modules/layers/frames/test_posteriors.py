"""Votes of frames and features of segments, against values from their formulas in NumPy."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from lightning_modules.layers.frames.posteriors import (
    frame_votes,
    segment_features,
    segment_statistics,
)
from tests.support.formula import hashed
from tests.support.paths import DATA


@pytest.fixture(scope="module")
def golden() -> dict:
    return json.loads((DATA / "peephole_lstm.json").read_text(encoding="utf-8"))["segment"]


@pytest.fixture(scope="module")
def posteriors() -> Tensor:
    """Seven frames of six classes, as one window."""
    return (3 * torch.from_numpy(hashed("posteriors", 42))).view(1, 7, 6).softmax(2)


def test_votes_are_counted(golden, posteriors):
    assert frame_votes(posteriors, single=True).sum(1).tolist() == [golden["votes"]]
    above = (posteriors > 0.5).sum(1).tolist()
    assert frame_votes(posteriors, single=False).sum(1).tolist() == above


@pytest.mark.parametrize("windows", [(7,), (3, 4)])
def test_features_are_those_of_all_frames_of_a_track(golden, posteriors, windows):
    parts = [
        segment_statistics(frames, (0.5, 0.3)) for frames in torch.split(posteriors, windows, 1)
    ]
    other = segment_statistics(posteriors[:, :2], (0.5, 0.3))
    index = torch.tensor([1, *([0] * len(parts))])
    features = segment_features(torch.cat([other, *parts]), index, 2, 6)
    expected = golden["max_min_mean_fraction_0.5"] + golden["fraction_0.3"]
    torch.testing.assert_close(
        features[0], torch.tensor(expected, dtype=torch.float64), rtol=1e-8, atol=1e-9
    )
