"""Negatives of triplets: probabilities of the reference, and anchors without one."""

from __future__ import annotations

import json

import numpy as np
import torch

from lightning_modules.training.triplet import choose_negatives, hardness
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "retrieval.json").read_text(encoding="utf-8"))["sampling"]
DRAWS = 4000


def frequencies(allowed: torch.Tensor, weights: torch.Tensor | None) -> np.ndarray:
    """Return how often each song is the negative of each anchor (N, M), for a grid of uniforms."""
    grid = (torch.arange(DRAWS, dtype=torch.float64) + 0.5) / DRAWS
    chosen = [choose_negatives(allowed, weights, u.expand(len(allowed))) for u in grid]
    counts = torch.nn.functional.one_hot(torch.stack(chosen), allowed.shape[1])
    return (counts.sum(0) / DRAWS).numpy()


def test_negatives_have_the_probabilities_of_the_reference():
    tags = torch.tensor(GOLDEN["tag embeddings"])
    songs = torch.tensor(GOLDEN["song embeddings"])
    anchors = torch.tensor(GOLDEN["tag one-hot (4 anchors x 3 tags)"]).argmax(1)
    labels = torch.tensor(GOLDEN["song labels (4 x 3)"])
    allowed = labels[:, anchors].T == 0
    np.testing.assert_array_equal(allowed.double(), GOLDEN["mask"])
    weights = hardness(tags, songs)
    np.testing.assert_allclose(weights * allowed, GOLDEN["weights (cos+1)/2*mask"], atol=1e-6)
    for name, given in (("weighted", weights), ("uniform", None)):
        found = frequencies(allowed, given)
        np.testing.assert_allclose(found, GOLDEN[f"probabilities, {name}"], atol=2 / DRAWS)
        measured = f"frequencies measured with the reference, {name}, 20000 draws"
        np.testing.assert_allclose(found, GOLDEN[measured], atol=0.012)  # 3.4 deviations


def test_anchor_without_negative_has_none_and_weights_of_zero_are_equal():
    allowed = torch.tensor([[False, False, False], [True, False, True], [False, True, False]])
    weights = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    low = choose_negatives(allowed, weights, torch.zeros(3).double())
    high = choose_negatives(allowed, weights, torch.full((3,), 1 - 2**-53).double())
    assert low.tolist() == [-1, 0, 1]
    assert high.tolist() == [-1, 2, 1]
