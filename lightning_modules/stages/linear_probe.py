"""Training of a head on the embeddings of a frozen encoder, which are computed once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import Batch, TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.loaders.batch import WindowSpec
from datamodules.loaders.batch_plan import BatchPlan
from datamodules.loaders.embedded import (
    embedded_crops,
    embedded_windows,
    training_windows,
    validation_windows,
)
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import Batches, GradientStage, Parents, StageContext
from lightning_modules.stages.embeddings import embed_windows
from lightning_modules.stages.training_data import TrainingData


class LinearProbe(GradientStage):
    """Train the linear head of a `Probe` on labels, with embeddings of its frozen encoder as input.

    The embeddings of the training crops and of the validation windows are computed once for each
    encoder and kept with it. Every epoch reads one crop of each track.

    Args:
        crops: Random windows of each training track whose embeddings are computed; epochs take
            turns in reading them.
        parents: ``encoder``, of any architecture with an output layer.
    """

    identity: ClassVar[str] = "LinearProbe"
    title: ClassVar[str] = "linear probe"
    parent_names: ClassVar[tuple[str, ...]] = ("encoder",)

    arrays: Mapping[str, NDArray[Any]]

    def __init__(self, *, crops: int = 1, parents: Parents) -> None:
        super().__init__(parents=parents)
        if crops < 1:
            raise TagbenchError(f"Stage {type(self).__name__}: expected crops >= 1, got {crops}.")
        self.crops = crops

    def run(self, context: StageContext) -> None:
        """Compute the embeddings, or read those that are kept, and train the head."""
        self.check(context.model)
        module, device = context.data.labelled, context.device
        windows = module.valid_windowing
        several = len(self.parents["encoder"].layer_names) > 1
        kind = {"arrays": "layers" if several else "embeddings", "revision": self.revision}
        # Apart, so that trainings with other seeds, crops or validation windows share the rest.
        train = context.keep(
            "encoder",
            {**kind, "crops": self.crops, "seed": module.seed},
            lambda: self._training_vectors(module, device),
        )
        valid = context.keep(
            "encoder",
            {**kind, "valid": {"protocol": windows.protocol, "max_windows": windows.max_windows}},
            lambda: self._validation_vectors(module, device),
        )
        self.arrays = {**train, **valid}
        context.fit(self)

    def check(self, model: TaggingModule) -> None:
        """Check that the model has a linear head on an encoder.

        Raises:
            TagbenchError: It has a hidden layer, or no encoder.
        """
        if getattr(model, "hidden", None) != 0:
            raise TagbenchError(
                "The stage LinearProbe trains a linear head: expected class "
                "lightning_modules.architectures.probe.Probe with hidden: 0, got "
                f"{type(model).__name__}. For a hidden layer, use the stage MlpProbe."
            )

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Copy the weights of the parent into the encoder."""
        probe: Any = model
        probe.load_encoder(self.parents["encoder"])

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return batches of embeddings of labelled crops."""
        module = data.labelled
        features = self.arrays["train"]
        plan = BatchPlan(
            len(features), module.batch_size, module.seed, rank=module.rank, world=module.world
        )
        return {"labelled": embedded_crops(module.corpus, features, plan, module.current_epoch)}

    def valid_loader(self, data: TrainingData) -> DataLoader[Batch]:
        """Return batches of embeddings of validation windows."""
        module = data.labelled
        features, tracks = self.arrays["valid"], self.arrays["valid_track"]
        return embedded_windows(module.corpus, features, tracks, module.rank, module.world)

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the mean loss over the windows of the batch."""
        return {"loss": model.supervised_loss(batches["labelled"])}

    def input_of(self, module: TaggingDataModule) -> WindowSpec:
        """Return what the encoder sees at once."""
        return module.spec

    def _training_vectors(
        self, module: TaggingDataModule, device: torch.device
    ) -> dict[str, NDArray[Any]]:
        """Return ``train`` (N, crops, D); D counts the values of all layers of the encoder."""
        windows = training_windows(
            module.corpus, self.input_of(module), module.seed, self.crops, module.workers
        )
        features, _ = embed_windows(self.parents["encoder"].to(device), windows, device)
        return {"train": features.reshape(-1, self.crops, features.shape[1])}

    def _validation_vectors(
        self, module: TaggingDataModule, device: torch.device
    ) -> dict[str, NDArray[Any]]:
        """Return ``valid`` (W, D) and the track of each window, ``valid_track`` (W,)."""
        windows = validation_windows(
            module.corpus, self.input_of(module), module.valid_windowing, module.workers
        )
        features, track = embed_windows(self.parents["encoder"].to(device), windows, device)
        return {"valid": features, "valid_track": track}


class MlpProbe(LinearProbe):
    """Train the head of a `Probe` with a hidden layer; otherwise like `LinearProbe`."""

    identity: ClassVar[str] = "MlpProbe"
    title: ClassVar[str] = "MLP probe"

    def check(self, model: TaggingModule) -> None:
        """Check that the model has a head with a hidden layer on an encoder.

        Raises:
            TagbenchError: It has none.
        """
        if not getattr(model, "hidden", None):
            raise TagbenchError(
                "The stage MlpProbe trains a head with a hidden layer: expected class "
                "lightning_modules.architectures.probe.Probe with a value of hidden, got "
                f"{type(model).__name__}. Without a hidden layer, use the stage LinearProbe."
            )
