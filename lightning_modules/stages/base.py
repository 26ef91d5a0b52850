"""Base classes of the ways of training a model.

A stage decides which batches a training reads, which parameters it changes and what it minimises.
The architecture stays the same: a network may be trained on labels, by a teacher, or on audio
alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.base import Batch
from lightning_modules.base import TaggingModule
from lightning_modules.stages.training_data import TrainingData

Batches = Mapping[str, Batch]
"""The batches of one step, by the names of the loaders."""

Parents = Mapping[str, TaggingModule]
"""Trained models that a stage builds on, by the names in ``Stage.parent_names``."""


class StageContext(Protocol):
    """What a training cell offers to its stage."""

    @property
    def model(self) -> TaggingModule:
        """The model to train."""

    @property
    def data(self) -> TrainingData:
        """The data of the cell."""

    @property
    def device(self) -> torch.device:
        """The device on which the model is trained."""

    def keep(
        self,
        parent: str,
        key: Mapping[str, Any],
        compute: Callable[[], Mapping[str, NDArray[Any]]],
    ) -> Mapping[str, NDArray[Any]]:
        """Return arrays that are computed once from a parent and kept in its folder.

        Args:
            parent: Name of the parent.
            key: Everything that determines the arrays beside the weights of the parent and the
                dataset, as JSON values.
            compute: Computes them if none are kept.
        """

    def fit(self, stage: GradientStage) -> None:
        """Train the model with gradients, or resume its training."""

    def save(self) -> None:
        """Save the model as the result of the cell, without training it with gradients."""


class Stage(nn.Module, ABC):
    """A way of training a model.

    A subclass takes its own parameters by keyword and passes ``parents`` on.

    Args:
        parents: Trained models that this one builds on. They are not registered as submodules: they
            are neither trained nor saved.

    Attributes:
        identity: Name of the class in the ids of results; it never changes.
        revision: Number to increase whenever a change alters results.
        title: Name shown in messages.
        parent_names: The parents that it needs.
        same_outputs: Those parents whose outputs must be the tags of the labelled dataset.
        sources: Names of the parameters that name a dataset.
        augmentations: Names of the parameters that name an augmentation.
        targets: Names of the parameters that name target sources, each a list of names.
        added: Names of parameters that ids contain only where they differ from their defaults, so
            that results from before they existed stay valid.
        predicts: Whether the model predicts tags afterwards. A pre-training gives embeddings only:
            its model can be a parent, but has no scores.
        trained_tags: Tags of the dataset that a training used, where the model predicts others too;
            None for all. Known after `GradientStage.prepare`.
    """

    identity: ClassVar[str]
    revision: ClassVar[int] = 1
    title: ClassVar[str]
    parent_names: ClassVar[tuple[str, ...]] = ()
    same_outputs: ClassVar[tuple[str, ...]] = ()
    sources: ClassVar[tuple[str, ...]] = ()
    augmentations: ClassVar[tuple[str, ...]] = ()
    targets: ClassVar[tuple[str, ...]] = ()
    added: ClassVar[frozenset[str]] = frozenset()
    predicts: ClassVar[bool] = True
    trained_tags: tuple[str, ...] | None = None

    def __init__(self, *, parents: Parents) -> None:
        super().__init__()
        # In a dictionary, in which torch does not search for submodules.
        self.parents = {name: model.eval().requires_grad_(False) for name, model in parents.items()}

    @classmethod
    def files(cls, params: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """Return what identifies the files that parameters name, such as a digest, by parameter.

        It takes the place of the parameter in the identity of a training. The default is none.

        Args:
            params: Parameters of the stage.
        """
        return {}

    @abstractmethod
    def run(self, context: StageContext) -> None:
        """Train the model of a cell and save it."""


class GradientStage(Stage):
    """A stage that minimises a loss by gradient descent, with the optimizer of the recipe.

    Layers that only training needs, such as a projector, are built in `prepare` as attributes of
    the stage. They are part of the checkpoint that a training resumes from, and not of the model.

    Attributes:
        validates: Whether there is a validation; otherwise the last epoch is the result.
        batch_parts: Number of parts of equal size that a batch consists of, such as a labelled and
            an unlabelled half.
    """

    validates: ClassVar[bool] = True
    batch_parts: ClassVar[int] = 1

    @classmethod
    def track_limit(
        cls, params: Mapping[str, Any], n_tracks: Callable[[str | None], int]
    ) -> int | None:
        """Return the number of tracks that a batch cannot exceed.

        It is the number of tracks that an epoch passes over once. None if there is no such limit,
        because loaders read a given number of batches.

        Args:
            params: Parameters of the stage.
            n_tracks: See `TrainingData.n_tracks`.
        """
        return n_tracks(None)

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Change the model before training: copy weights, freeze layers, build a projector.

        Layers that are built here get initial weights that depend on the seed of the cell alone.
        """

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return the loaders of the batches of a step, by name, with equal numbers of batches.

        The default reads one random window of each labelled track, as ``labelled``.
        """
        return {"labelled": data.crops()}

    def valid_loader(self, data: TrainingData) -> DataLoader[Batch] | None:
        """Return the validation batches; None if the last epoch is the result."""
        return data.labelled.val_dataloader() if self.validates else None

    def learned_parameters(self, model: TaggingModule) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield name and value of each parameter that the optimizer changes.

        The default yields those of the model and of this stage that require gradients.
        """
        # While it trains, the stage is a submodule of the model.
        return ((name, p) for name, p in model.named_parameters() if p.requires_grad)

    def begin_step(self, model: TaggingModule) -> None:
        """Change the model for the step that follows, as its ``current_epoch`` requires.

        It is called before each step, also before the first one of a resumed training.
        """

    @abstractmethod
    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the loss of a step, and its terms.

        Args:
            model: The model, in training mode.
            batches: A batch of each loader.

        Returns:
            Scalars: ``loss``, which is minimised, and any others; each is logged as
            ``train_<name>``.
        """

    def run(self, context: StageContext) -> None:
        """Minimise `loss`."""
        context.fit(self)

    def move_parents(self, device: torch.device) -> None:
        """Move the parents to the device of the model."""
        for parent in self.parents.values():
            parent.to(device)
