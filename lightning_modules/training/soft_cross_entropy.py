"""Cross-entropy with targets that are probabilities, such as the predictions of a teacher."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F


def soft_cross_entropy(
    logits: Tensor, targets: Tensor, task: Literal["multilabel", "singlelabel"]
) -> Tensor:
    """Return the cross-entropy of logits (B, C) with targets (B, C) in float32.

    The shape is (B, C) for a multi-label task, and (B,) for a single-label task.
    """
    logits = logits.float()
    if task == "singlelabel":
        return F.cross_entropy(logits, targets, reduction="none")
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
