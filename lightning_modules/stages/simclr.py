"""Contrastive pre-training without labels: SimCLR (Chen et al. 2020), as in CLMR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import Batches, GradientStage, Parents
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.nt_xent import nt_xent


class SimCLR(GradientStage):
    """Make two random windows of a track more similar than windows of different tracks.

    Spijkervet and Burgoyne, "Contrastive learning of musical representations", ISMIR 2021. Both
    windows are augmented. A projector maps their embeddings (B, D) to (B, ``projection``), on
    which the loss NT-Xent is computed; it is dropped after the training. The layer that computes
    the logits keeps its initial weights. There is no validation: the last epoch is the result.

    Args:
        source: Dataset whose tracks are read without their labels. ``pool`` is the one that the
            file of the labelled dataset names; None reads the training split of the latter.
        augment: Augmentation of the windows; None leaves them as they are.
        temperature: Divisor of the cosine similarities.
        projection: Size of the output of the projector.
        parents: None are needed.
    """

    identity: ClassVar[str] = "SimCLR"
    title: ClassVar[str] = "SimCLR"
    sources: ClassVar[tuple[str, ...]] = ("source",)
    augmentations: ClassVar[tuple[str, ...]] = ("augment",)
    predicts: ClassVar[bool] = False
    validates: ClassVar[bool] = False

    def __init__(
        self,
        *,
        source: str | None = None,
        augment: str | None = "clmr",
        temperature: float = 0.5,
        projection: int = 64,
        parents: Parents,
    ) -> None:
        super().__init__(parents=parents)
        if temperature <= 0 or projection < 1:
            raise TagbenchError(
                "Stage SimCLR: expected a temperature above 0 and a projection of 1 or more, got "
                f"{temperature} and {projection}."
            )
        self.source = source
        self.temperature = temperature
        self.projection = projection

    @classmethod
    def track_limit(cls, params: Mapping[str, Any], n_tracks: Callable[[str | None], int]) -> int:
        """Return the number of tracks of the source."""
        return n_tracks("source" if params["source"] else None)

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Build the projector, and exclude the layer that computes the logits from training."""
        classifier = model.classifier
        classifier.requires_grad_(False)
        size = classifier.in_features
        self.projector = nn.Sequential(
            nn.Linear(size, size, bias=False),
            nn.ReLU(),
            nn.Linear(size, self.projection, bias=False),
        )

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return batches of two windows of each track."""
        source = None if self.source is None else "source"
        return {"pairs": data.crops(source, crops=2, augment="augment")}

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the contrastive loss of the pairs of windows in the batch."""
        batch = batches["pairs"]
        z: Tensor = self.projector(model.embed(batch["audio"]))
        first, second = z[::2], z[1::2]  # the windows of a track are consecutive
        return {"loss": nt_xent(first, second, self.temperature)}
