"""Triplets of a tag, a song that has it and one that does not: their negatives and their loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def triplet_losses(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Return ``max(0, margin - cos(anchor, positive) + cos(anchor, negative))`` of triplets (N,).

    Args:
        anchor: Embeddings of tags (N, D).
        positive: Embeddings of songs that have the tag (N, D).
        negative: Embeddings of songs that do not (N, D).
        margin: Least difference of the similarities without loss.
    """
    near = F.cosine_similarity(anchor.float(), positive.float())
    far = F.cosine_similarity(anchor.float(), negative.float())
    return (margin - near + far).relu()


def hardness(tags: Tensor, songs: Tensor) -> Tensor:
    """Return ``(cosine + 1) / 2`` of tags (N, D) and songs (M, D), float64 (N, M)."""
    tags, songs = F.normalize(tags.double(), dim=1), F.normalize(songs.double(), dim=1)
    return ((tags @ songs.T + 1) / 2).clamp_min(0)


def choose_negatives(allowed: Tensor, weights: Tensor | None, uniforms: Tensor) -> Tensor:
    """Return the negative of each anchor, int64 (N,); -1 for an anchor without one.

    An anchor whose allowed songs all have the weight 0 takes each of them with equal probability.

    Args:
        allowed: Whether a song lacks the tag of an anchor, bool (N, M).
        weights: Proportional to the probability of each song (N, M), at least 0; None for equal
            probabilities.
        uniforms: A uniform random number below 1 for each anchor, float64 (N,).
    """
    equal = allowed.double()
    chances = equal if weights is None else equal * weights.double()
    chances = torch.where(chances.sum(1, keepdim=True) > 0, chances, equal)
    reached = chances.cumsum(1)  # (N, M)
    threshold = uniforms.double()[:, None] * reached[:, -1:]
    # The first song whose cumulated chance exceeds the threshold; songs of chance 0 never do so.
    chosen = (reached <= threshold).sum(1)
    # Rounding may place the threshold at the end; the last song of a chance stands there.
    last = allowed.shape[1] - 1 - (chances > 0).flip(1).int().argmax(1)
    return torch.where(allowed.any(1), chosen.minimum(last), -1)
