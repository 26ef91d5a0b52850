"""Training on labels and on targets beyond tags together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule, batch_inputs
from lightning_modules.stages.base import Batches, Parents
from lightning_modules.stages.target_tasks import BranchedModel, TargetTasks
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.track_metrics import binary_accuracy, class_accuracy


class MultiTask(TargetTasks):
    """Minimise the sum of the loss of the labels and the losses of targets beyond tags.

    To a model with branches, one branch is added for each target, which is dropped after the
    training; any other model learns the targets from its embedding. Validation is on labels.

    Args:
        targets: See `TargetTasks`.
        augment: See `TargetTasks`.
        gradnorm: See `TargetTasks`; the labels are one of the tasks.
        class_weights: Whether the loss of a class of a single-label task is divided by its share of
            the training tracks.
        parents: None are needed.
    """

    identity: ClassVar[str] = "MultiTask"
    title: ClassVar[str] = "multi-task"

    class_weight: Tensor | None

    def __init__(
        self,
        *,
        targets: tuple[str, ...],
        augment: str | None = None,
        gradnorm: float | None = None,
        class_weights: bool = False,
        parents: Parents,
    ) -> None:
        super().__init__(targets=targets, augment=augment, gradnorm=gradnorm, parents=parents)
        self.uses_class_weights = class_weights

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Build the branches and layers of the targets, and compute the weights of the classes.

        Raises:
            TagbenchError: Classes are to be weighted, and tracks have any number of labels.
        """
        size, extra = model.classifier.in_features, nn.ModuleList()
        if isinstance(model, BranchedModel):
            size = model.branch_size
            extra.extend(model.new_branch() for _ in self.names)
        self.extra_branches = extra
        self.build_heads(data, [size] * len(self.names), further_tasks=1)
        weight = None
        if self.uses_class_weights:
            if model.task != "singlelabel":
                raise TagbenchError(
                    "Stage MultiTask: class_weights needs a dataset with one label a track. Leave "
                    "class_weights out."
                )
            counts = torch.from_numpy(data.labelled.corpus.targets("train").sum(0)).float()
            weight = counts.sum() / (len(counts) * counts.clamp_min(1))
        self.register_buffer("class_weight", weight, persistent=False)

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the sum of the losses, each of them, and the accuracy of the labels."""
        batch = batches["labelled"]
        inputs = batch_inputs(batch)
        if isinstance(model, BranchedModel):
            shared = model.shared_map(inputs)
            own = torch.cat([branch(shared) for branch in model.branches], 1)
            embeddings = [branch(shared) for branch in self.extra_branches]
        else:
            own = model.embed(inputs)
            embeddings = [own] * len(self.names)
        logits = model.classifier(own)
        labels = batch["targets"][batch["track_index"]]
        losses = self.target_losses(embeddings, batch)
        label_loss = self._label_loss(model, logits, labels)
        total = self.total(model, [label_loss, *losses.values()])
        accuracy = class_accuracy if model.task == "singlelabel" else binary_accuracy
        return {
            "loss": total,
            "accuracy": accuracy(model.probabilities(logits.detach()), labels),
            "label_loss": label_loss,
            **{f"{name}_loss": loss for name, loss in losses.items()},
        }

    def _label_loss(self, model: TaggingModule, logits: Tensor, labels: Tensor) -> Tensor:
        if self.class_weight is None:
            return model.losses(logits, labels).mean()
        return F.cross_entropy(logits.float(), labels.argmax(1), weight=self.class_weight)
