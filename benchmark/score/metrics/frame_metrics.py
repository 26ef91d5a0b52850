"""Accuracy of the frames of models that classify frames."""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.metric import SINGLELABEL, Metric, Sample


def _compute(sample: Sample) -> np.ndarray:
    """Return the weighted fraction (R,) of frames that vote for the class of their track.

    NaN for a model that does not classify frames.
    """
    votes = sample.extra.get("frame_votes")
    if votes is None or votes.shape != sample.targets.shape:
        return sample.mean_over_tracks(np.full((len(sample.targets), 1), np.nan))[0]
    right = (votes * sample.targets).sum(axis=1)
    counts = np.stack([right, sample.extra["frames"]], axis=1).astype(np.float64)
    of_class, of_all = sample.mean_over_tracks(counts)
    with np.errstate(invalid="ignore"):  # the weights of padding lanes are zero
        return np.asarray(of_class / of_all)


METRICS = (
    Metric(
        "frame_accuracy",
        "frame accuracy",
        lambda prevalence: 1.0 / len(prevalence),
        True,
        _compute,
        of="track",
        tasks=(SINGLELABEL,),
        default=False,
    ),
)
