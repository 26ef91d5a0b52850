"""Validation metrics over tracks, not over windows or batches."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multilabel_auroc,
    multilabel_average_precision,
)
from torchmetrics.utilities import dim_zero_cat


def track_means(values: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
    """Average window values (W, K) over each track's windows.

    Args:
        values: One row per window.
        track_index: Row of the track that each window belongs to, int64 (W,).
        n_tracks: Number of tracks, N; each has at least one window.

    Returns:
        Means (N, K), float32.
    """
    # A matrix product in float64 gives the same sum on every device and in every run, which
    # index_add does not.
    member = F.one_hot(track_index, n_tracks).T.double()  # (N, W)
    return (member @ values.double() / member.sum(1, keepdim=True)).float()


class TrackScores(Metric):
    """Mean loss, and ROC-AUC and PR-AUC or accuracy, over the tracks of one epoch.

    ``compute`` returns ``loss`` (the exact mean over tracks), and for multi-label tasks the macro
    averages ``roc_auc`` and ``pr_auc`` (average precision), for single-label tasks ``accuracy``.
    Both AUCs are undefined for a tag that all tracks or no track has. Such tags are excluded; if no
    tag remains, both metrics are omitted.
    """

    full_state_update = False
    scores: list[Tensor]
    targets: list[Tensor]
    losses: list[Tensor]

    def __init__(self, task: Literal["multilabel", "singlelabel"]) -> None:
        super().__init__()
        self.task = task
        for state in ("scores", "targets", "losses"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, targets: Tensor, losses: Tensor) -> None:
        """Add N tracks: probabilities (N, C), multi-hot targets (N, C), losses (N,)."""
        self.scores.append(scores.detach())
        self.targets.append(targets.detach())
        self.losses.append(losses.detach())

    def compute(self) -> dict[str, Tensor]:
        """Return the metrics by name."""
        scores, targets = dim_zero_cat(self.scores), dim_zero_cat(self.targets).long()
        figures = {"loss": dim_zero_cat(self.losses).double().mean().float()}
        if self.task == "singlelabel":
            n_tags = scores.shape[1]
            hits = multiclass_accuracy(scores, targets.argmax(1), n_tags, average="micro")
            return figures | {"accuracy": hits}
        positives = targets.sum(0)
        defined = (positives > 0) & (positives < len(targets))
        count = int(defined.sum())
        if count:
            chosen = scores[:, defined], targets[:, defined], count
            figures["roc_auc"] = torch.as_tensor(multilabel_auroc(*chosen))
            figures["pr_auc"] = torch.as_tensor(multilabel_average_precision(*chosen))
        return figures
