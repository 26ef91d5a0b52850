"""Average precision over all pairs of a track and a class at once, as MATT reports it.

All scores are ranked together, so that those of different tracks are compared; the area under the
curve of :mod:`benchmark.score.precision_recall`. It equals
``sklearn.metrics.average_precision_score(average="micro")``.
"""

from __future__ import annotations

import numpy as np

from benchmark.score.metrics.metric import SINGLELABEL, Metric, Sample, mean_prevalence
from benchmark.score.metrics.ranking import ranking_scores


def _micro_average_precision(sample: Sample) -> np.ndarray:
    """Return the average precision (R,) of all pairs; a pair has the weight of its track."""
    classes = sample.scores.shape[1]
    scores, targets = sample.scores.reshape(-1, 1), sample.targets.reshape(-1, 1)
    # Block by block: the weights of all pairs in all replicates would take hundreds of megabytes.
    blocks = [
        ranking_scores(scores, targets, np.repeat(block[None], classes, axis=1))[1, 0]
        for block in sample.packed
    ]
    return np.concatenate(blocks)


METRICS = (
    Metric(
        "pr_auc_micro",
        "PR-AUC (micro)",
        mean_prevalence,
        True,
        _micro_average_precision,
        of="track",
        tasks=(SINGLELABEL,),
    ),
)
