"""What a training cell offers to its stage to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch.utils.data import DataLoader

from datamodules.base import Batch, TaggingDataModule
from datamodules.labels.targets.base import TargetSource


class TrainingData(Protocol):
    """Data of a training cell: its labelled dataset, and others that its stage names."""

    @property
    def labelled(self) -> TaggingDataModule:
        """The dataset of the cell."""

    @property
    def targets(self) -> Mapping[str, TargetSource]:
        """Targets beyond tags that the stage names, by name."""

    def crops(
        self,
        source: str | None = None,
        *,
        crops: int = 1,
        batch_size: int | None = None,
        steps: int | None = None,
        augment: str | None = None,
        keep_clean: bool = False,
        auxiliary: bool = False,
    ) -> DataLoader[Batch]:
        """Return batches of random windows; see `TaggingDataModule.crops`.

        Args:
            source: Name of a parameter of the stage that names a dataset, whose tracks are read
                without their labels; None reads the training split of the labelled dataset.
            crops: Windows of each track in a batch.
            batch_size: Tracks in a batch; by default that of the recipe.
            steps: Batches in an epoch; by default one pass over the tracks.
            augment: Name of a parameter of the stage that names an augmentation.
            keep_clean: Whether batches also have the windows before augmentation.
            auxiliary: Whether batches of the labelled dataset also have the targets beyond tags
                that the stage names, as ``auxiliary``.
        """

    def n_tracks(self, source: str | None = None) -> int:
        """Return the number of tracks that ``crops`` reads from a source."""
