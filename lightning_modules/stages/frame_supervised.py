"""Training of a classifier of frames on the labels of their tracks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.distributed import get_world_size, is_initialized

from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from lightning_modules.base import TaggingModule
from lightning_modules.layers.frames.standardise import Standardise
from lightning_modules.stages.base import Batches, GradientStage, Parents
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.track_metrics import binary_accuracy, class_accuracy


class FrameSupervised(GradientStage):
    """Minimise the mean loss of the frames of one random window of each labelled track.

    Features are standardised by mean and standard deviation of all frames of the training split.
    With the recipe's ``reduction: sum``, losses of frames are added.

    Args:
        parents: None are needed.
    """

    identity: ClassVar[str] = "FrameSupervised"
    title: ClassVar[str] = "supervised on frames"

    def __init__(self, *, parents: Parents) -> None:
        super().__init__(parents=parents)

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Set the constants that standardise the features.

        Raises:
            TagbenchError: The model does not classify frames.
        """
        layer = getattr(model, "standardise", None)
        if not isinstance(layer, Standardise):
            raise TagbenchError(
                "The stage FrameSupervised trains a classifier of frames, such as class "
                "lightning_modules.architectures.frame_lstm.FrameLSTM, got "
                f"{type(model).__name__}."
            )
        layer.set_moments(*moments(data.labelled.stored_view("train")))

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the loss of the frames of the batch, and the accuracy over its windows."""
        batch = batches["labelled"]
        logits = model.batch_logits(batch)  # (W, R, C)
        targets = batch["targets"][batch["track_index"]]
        loss = model.losses(logits, targets).mean()
        if model.recipe.reduction == "sum":
            # Processes average their gradients, so that each counts the frames of all of them.
            processes = get_world_size() if is_initialized() else 1
            loss = loss * (processes * logits.shape[0] * logits.shape[1])
        probabilities = model.probabilities(logits.detach()).mean(1)
        accuracy = class_accuracy if model.task == "singlelabel" else binary_accuracy
        return {"loss": loss, "accuracy": accuracy(probabilities, targets)}


def moments(tracks: Iterable[Float32]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation (width,) of the rows (rows, width) of some tracks."""
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for rows in tracks:
        exact = rows.astype(np.float64)
        count += len(rows)
        total = total + exact.sum(0)
        squares = squares + (exact**2).sum(0)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()
