"""Metrics of a training: accuracy of a batch, and validation metrics over tracks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.distributed import get_rank, get_world_size, is_initialized
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


def binary_accuracy(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Return the share of the labels of all rows that are decided right at probability 0.5.

    Args:
        probabilities: (N, C).
        targets: (N, C), 0 and 1; a soft label above 0.5 counts as 1.

    Returns:
        Scalar on the device of the arguments. Nothing waits for the device.
    """
    return ((probabilities > 0.5) == (targets > 0.5)).float().mean()


def class_accuracy(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Return the share of rows whose most probable class is that of their target.

    Args:
        probabilities: (N, C), or logits.
        targets: (N, C), multi-hot or soft.

    Returns:
        Scalar on the device of the arguments. Nothing waits for the device.
    """
    return (probabilities.argmax(1) == targets.argmax(1)).float().mean()


class TrackScores(Metric):
    """Mean loss, accuracy, ROC-AUC and PR-AUC over the tracks of one epoch.

    ``compute`` returns ``loss`` (the exact mean over tracks) and ``accuracy``: for single-label
    tasks that of the class, for multi-label tasks that of all labels at probability 0.5. For
    multi-label tasks it also returns the macro averages ``roc_auc`` and ``pr_auc`` (average
    precision). Both are undefined for a tag that all tracks or no track has. Such tags are
    excluded; if no tag remains, both metrics are omitted.

    Several processes each see every ``world``-th batch of the tracks. ``compute`` gathers their
    tracks and restores the order of the batches, so that the result is that of one process.
    """

    full_state_update = False
    scores: list[Tensor]
    targets: list[Tensor]
    losses: list[Tensor]
    batches: list[Tensor]

    def __init__(self, task: Literal["multilabel", "singlelabel"]) -> None:
        super().__init__()
        self.task = task
        for state in ("scores", "targets", "losses", "batches"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, targets: Tensor, losses: Tensor) -> None:
        """Add a batch of N tracks: probabilities (N, C), multi-hot targets (N, C), losses (N,).

        N may be 0: a process without tracks must still take part in the gathering.
        """
        rank, world = (get_rank(), get_world_size()) if is_initialized() else (0, 1)
        batch = len(self.scores) * world + rank
        self.batches.append(torch.full((len(losses),), batch, device=losses.device))
        self.scores.append(scores.detach())
        self.targets.append(targets.detach())
        self.losses.append(losses.detach())

    def compute(self) -> dict[str, Tensor]:
        """Return the metrics by name."""
        order = dim_zero_cat(self.batches).argsort(stable=True)
        scores, targets = dim_zero_cat(self.scores)[order], dim_zero_cat(self.targets)[order].long()
        figures = {"loss": dim_zero_cat(self.losses)[order].double().mean().float()}
        if self.task == "singlelabel":
            n_tags = scores.shape[1]
            hits = multiclass_accuracy(scores, targets.argmax(1), n_tags, average="micro")
            return figures | {"accuracy": hits}
        figures["accuracy"] = binary_accuracy(scores, targets)
        positives = targets.sum(0)
        defined = (positives > 0) & (positives < len(targets))
        count = int(defined.sum())
        if count:
            chosen = scores[:, defined], targets[:, defined], count
            figures["roc_auc"] = torch.as_tensor(multilabel_auroc(*chosen))
            figures["pr_auc"] = torch.as_tensor(multilabel_average_precision(*chosen))
        return figures
