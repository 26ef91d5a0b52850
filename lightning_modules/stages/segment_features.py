"""Training of a classifier of tracks on the posteriors of their frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from datamodules.loaders.batch_plan import BatchPlan
from datamodules.loaders.embedded import embedded_crops, embedded_windows
from datamodules.loaders.windowing import Windowing, cut, window_starts
from datamodules.views.rows import StoredRows
from lightning_modules.base import TaggingModule
from lightning_modules.layers.frames.standardise import Standardise
from lightning_modules.stages.base import Batches, GradientStage, Parents, StageContext
from lightning_modules.stages.frame_supervised import moments
from lightning_modules.stages.training_data import TrainingData


class SegmentFeatures(GradientStage):
    """Train the head of a `SegmentClassifier` on the features of whole tracks.

    The features of the training and validation tracks are computed once and kept with the frame
    model. They are standardised by their moments over the training tracks.

    Args:
        parents: ``frame_model``, a classifier of frames.
    """

    identity: ClassVar[str] = "SegmentFeatures"
    title: ClassVar[str] = "classifier of segment features"
    parent_names: ClassVar[tuple[str, ...]] = ("frame_model",)
    same_outputs: ClassVar[tuple[str, ...]] = ("frame_model",)

    arrays: Mapping[str, NDArray[Any]]

    def __init__(self, *, parents: Parents) -> None:
        super().__init__(parents=parents)

    def run(self, context: StageContext) -> None:
        """Compute the features, or read those that are kept, and train the head.

        Raises:
            TagbenchError: The model has no frame model.
        """
        model: Any = context.model
        if not isinstance(getattr(model, "frame_model", None), TaggingModule):
            raise TagbenchError(
                "The stage SegmentFeatures trains a classifier of segment features: expected class "
                "lightning_modules.architectures.segment_classifier.SegmentClassifier, got "
                f"{type(model).__name__}."
            )
        model.frame_model.load_state_dict(self.parents["frame_model"].state_dict())
        model.to(context.device).eval()
        module = context.data.labelled
        key = {"arrays": "segment features", "revision": self.revision}
        self.arrays = context.keep(
            "frame_model",
            {**key, "thresholds": list(model.thresholds)},
            lambda: {
                split: _track_features(model, module.stored_view(split), context.device)
                for split in ("train", "valid")
            },
        )
        model.train()
        context.fit(self)

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Set the constants that standardise the features."""
        layer = cast("Standardise", model.get_submodule("standardise"))
        used = layer.mean.numel()
        layer.set_moments(*moments([self.arrays["train"][:, :used]]))

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return batches of the features of training tracks."""
        module, features = data.labelled, self.arrays["train"]
        shares = (module.rank, module.world)
        size = module.batch_size
        plan = BatchPlan(len(features), size, module.seed, rank=shares[0], world=shares[1])
        epoch = module.current_epoch
        return {"labelled": embedded_crops(module.corpus, features[:, None], plan, epoch)}

    def valid_loader(self, data: TrainingData) -> DataLoader[Batch]:
        """Return batches of the features of validation tracks."""
        module, features = data.labelled, self.arrays["valid"]
        tracks = np.arange(len(features))
        return embedded_windows(module.corpus, features, tracks, module.rank, module.world)

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the mean loss over the tracks of the batch."""
        return {"loss": model.supervised_loss(batches["labelled"])}


def _track_features(model: Any, tracks: StoredRows, device: torch.device) -> Float32:
    """Return the features of each track (N, D), from all its windows."""
    features = []
    with torch.inference_mode():
        for rows in tracks:
            starts = window_starts(len(rows), model.input_samples, Windowing())
            windows = torch.from_numpy(cut(rows, starts, model.input_samples)).to(device)
            outputs = model.window_outputs(windows)
            one_track = torch.zeros(len(outputs), dtype=torch.int64, device=device)
            features.append(model.track_features(outputs, one_track, 1).float().cpu().numpy())
    return np.concatenate(features)
