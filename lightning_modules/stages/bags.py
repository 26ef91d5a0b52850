"""Training on bags of tracks, each of which has one label."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from datamodules.common.parameters import check_minimum
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import Batches, GradientStage, Parents
from lightning_modules.stages.training_data import TrainingData

Column = Literal["album", "artist", "song"]


@runtime_checkable
class BagModel(Protocol):
    """A model that learns from bags."""

    @abstractmethod
    def bag_loss(self, batch: Batch) -> Tensor:
        """Return the mean loss over the bags of a batch."""


class Bags(GradientStage):
    """Minimise the loss of bags of tracks, such as those of an album, in batches of bags.

    The tracks of a bag have the same values in the columns ``by`` and the same labels, in training
    and in validation. Every track gives one random window. Features that a model standardises are
    standardised by the moments of all training tracks.

    Args:
        by: Columns of the manifest whose values the tracks of a bag share.
        most: Largest number of tracks of a bag in a step, drawn anew in each epoch; None for all.
        parents: None are needed.
    """

    identity: ClassVar[str] = "Bags"
    title: ClassVar[str] = "bags"

    def __init__(
        self,
        *,
        by: tuple[Column, ...] = ("album", "artist"),
        most: int | None = None,
        parents: Parents,
    ) -> None:
        super().__init__(parents=parents)
        check_minimum(1, most=most)
        if not by:
            raise TagbenchError("Stage Bags: by: expected album, artist or song, found no column.")
        self.by, self.most = tuple(by), most

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Standardise features by the training tracks.

        Raises:
            TagbenchError: The model does not learn from bags.
        """
        if not isinstance(model, BagModel):
            raise TagbenchError(
                "The stage Bags trains models of bags, such as "
                "lightning_modules.architectures.matt.MATT, got "
                f"{type(model).__name__}. Leave the stage out of the model file."
            )
        set_moments = getattr(getattr(model, "encoder", None), "set_moments", None)
        if set_moments is not None:
            set_moments(torch.from_numpy(data.labelled.track_features("train")))

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return batches of labelled bags."""
        return {"bags": data.labelled.bags(self.by, most=self.most)}

    def valid_loader(self, data: TrainingData) -> DataLoader[Batch]:
        """Return batches of whole validation bags."""
        return data.labelled.valid_bags(self.by)

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the mean loss over the bags of the batch."""
        if not isinstance(model, BagModel):
            raise TypeError(type(model).__name__)  # `prepare` has checked it
        return {"loss": model.bag_loss(batches["bags"])}
