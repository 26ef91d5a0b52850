"""Training on labels, which is the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.parameters import check_minimum
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import Batches, GradientStage, Parents
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.track_metrics import binary_accuracy, class_accuracy


class Supervised(GradientStage):
    """Minimise the loss of one random window of each labelled track.

    Args:
        augment: Augmentation of the windows; None leaves them as they are.
        steps: Batches in an epoch, for a set of tracks that is much smaller than the set that other
            models pass over; None passes over the tracks once.
        parents: None are needed.
    """

    identity: ClassVar[str] = "Supervised"
    title: ClassVar[str] = "supervised"
    augmentations: ClassVar[tuple[str, ...]] = ("augment",)

    def __init__(
        self, *, augment: str | None = None, steps: int | None = None, parents: Parents
    ) -> None:
        super().__init__(parents=parents)
        check_minimum(1, steps=steps)
        self.steps = steps
        self.augment = augment

    @classmethod
    def track_limit(
        cls, params: Mapping[str, Any], n_tracks: Callable[[str | None], int]
    ) -> int | None:
        """Return the number of labelled tracks, or None for a given number of batches."""
        return None if params["steps"] else n_tracks(None)

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return batches of labelled windows."""
        return {"labelled": data.crops(augment="augment", steps=self.steps)}

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the mean loss and the accuracy over the windows of the batch."""
        batch = batches["labelled"]
        logits = model.batch_logits(batch)  # (W, C)
        targets = batch["targets"][batch["track_index"]]
        accuracy = class_accuracy if model.task == "singlelabel" else binary_accuracy
        return {
            "loss": model.losses(logits, targets).mean(),
            "accuracy": accuracy(model.probabilities(logits.detach()), targets),
        }
