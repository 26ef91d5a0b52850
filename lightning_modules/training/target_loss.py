"""Loss of targets beyond tags, by their kind."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.labels.targets.base import Kind
from lightning_modules.training.masked_mean import masked_mean
from lightning_modules.training.soft_cross_entropy import soft_cross_entropy


def target_loss(outputs: Tensor, targets: Tensor, kind: Kind) -> Tensor:
    """Return the mean loss over the windows that have a target; 0 if none has.

    Distributions have the cross-entropy with the softmax of the outputs, values of 0 and 1 the
    binary cross-entropy, and vectors the squared error; the latter two are means over K.

    Args:
        outputs: Outputs (W, K) without an activation.
        targets: Targets (W, K); rows of NaN where a window has none.
        kind: What the targets are.
    """
    known = ~torch.isnan(targets).any(1)
    targets = targets.nan_to_num()
    if kind == "distribution":
        losses = soft_cross_entropy(outputs, targets, "singlelabel")
    elif kind == "multihot":
        losses = soft_cross_entropy(outputs, targets, "multilabel").mean(1)
    else:
        losses = F.mse_loss(outputs.float(), targets, reduction="none").mean(1)
    return masked_mean(losses, known)
