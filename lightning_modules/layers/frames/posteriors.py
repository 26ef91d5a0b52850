"""Statistics of the class posteriors of the frames of a window, and of all windows of a track.

Shapes: W windows, R frames of a window, N tracks, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def frame_votes(posteriors: Tensor, *, single: bool) -> Tensor:
    """Return which classes each frame votes for (W, R, C), as 0 and 1.

    Args:
        posteriors: (W, R, C).
        single: Whether classes exclude each other. A frame then votes for the most probable class,
            the first one of a tie; otherwise for each class with a probability above 0.5.
    """
    if single:
        return F.one_hot(posteriors.argmax(2), posteriors.shape[2]).to(posteriors.dtype)
    return (posteriors > 0.5).to(posteriors.dtype)


def track_sums(values: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
    """Add the values of windows (W, K) by track, (N, K) float64.

    A matrix product gives the same sum on every device and in every run.
    """
    member = F.one_hot(track_index, n_tracks).T.double()  # (N, W)
    return member @ values.double()


def segment_statistics(posteriors: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Return what `segment_features` needs of each window, (W, (3 + K) C + 1).

    Args:
        posteriors: (W, R, C).
        thresholds: The K thresholds of the fractions.
    """
    above = [(posteriors > k).to(posteriors.dtype).sum(1) for k in thresholds]
    extremes = [posteriors.amax(1), posteriors.amin(1)]
    frames = posteriors.new_full((len(posteriors), 1), posteriors.shape[1])
    return torch.cat([*extremes, posteriors.sum(1), *above, frames], 1)


def segment_features(
    statistics: Tensor, track_index: Tensor, n_tracks: int, n_classes: int
) -> Tensor:
    """Return the features of each track from the statistics of its windows, (N, (3 + K) C).

    These are, of the posteriors of all its frames, the maximum, the minimum and the mean of each
    class, and the fraction of frames above each threshold (Dai et al., ISCSLP 2016).

    Args:
        statistics: From `segment_statistics`, (W, (3 + K) C + 1).
        track_index: Position of the track of each window (W,); each track has a window.
        n_tracks: Number of tracks, N.
        n_classes: Number of classes, C.
    """
    highest, lowest = statistics[:, :n_classes], statistics[:, n_classes : 2 * n_classes]
    added = statistics[:, 2 * n_classes :]
    sums = track_sums(added, track_index, n_tracks)  # (N, (1 + K) C + 1)
    means = (sums[:, :-1] / sums[:, -1:]).to(statistics.dtype)
    index = track_index[:, None].expand(-1, n_classes)
    start = statistics.new_zeros(n_tracks, n_classes)
    largest = start.scatter_reduce(0, index, highest, "amax", include_self=False)
    smallest = start.scatter_reduce(0, index, lowest, "amin", include_self=False)
    return torch.cat([largest, smallest, means], 1)
