"""Pre-training on targets beyond tags, such as artist group factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule, batch_inputs
from lightning_modules.stages.base import Batches
from lightning_modules.stages.target_tasks import BranchedModel, TargetTasks
from lightning_modules.stages.training_data import TrainingData


class TargetPretraining(TargetTasks):
    """Learn targets beyond tags from one random window of each training track.

    A model with branches learns each target with a branch of its own; any other model learns all of
    them from its embedding. The layers that compute the targets are dropped after the training, and
    the layer that computes the logits keeps its initial weights: probes read the embedding. Only
    training tracks have targets, so there is no validation, and the last epoch is the result.
    """

    identity: ClassVar[str] = "TargetPretraining"
    title: ClassVar[str] = "pre-training on targets"
    predicts: ClassVar[bool] = False
    validates: ClassVar[bool] = False

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Build the layers of the targets; exclude the layer of the logits from training.

        Raises:
            TagbenchError: The model has another number of branches than there are targets.
        """
        size = model.classifier.in_features
        model.classifier.requires_grad_(False)
        if isinstance(model, BranchedModel):
            size = model.branch_size
            if len(model.branches) != len(self.names):
                raise TagbenchError(
                    f"Stage TargetPretraining: targets: expected {len(model.branches)}, one for "
                    f"each branch of {type(model).__name__}, found {len(self.names)}. Set branches "
                    "in the params of the model to their number."
                )
        self.build_heads(data, [size] * len(self.names), further_tasks=0)

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the sum of the losses of all targets, and each of them."""
        batch = batches["labelled"]
        inputs = batch_inputs(batch)
        if isinstance(model, BranchedModel):
            shared = model.shared_map(inputs)
            embeddings = [branch(shared) for branch in model.branches]
        else:
            embeddings = [model.embed(inputs)] * len(self.names)
        losses = self.target_losses(embeddings, batch)
        total = self.total(model, list(losses.values()))
        return {"loss": total, **{f"{name}_loss": loss for name, loss in losses.items()}}
