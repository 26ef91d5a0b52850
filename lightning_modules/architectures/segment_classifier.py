"""Second stage of Dai et al. 2016: a track from statistics of the posteriors of its frames.

Shapes: W windows, R frames of a window, D features of a frame, N tracks, C classes, K thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.frame_classifier import DAI2016, FrameClassifier
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frozen.head import class_of
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.frames.posteriors import (
    segment_features,
    segment_statistics,
    track_sums,
)
from lightning_modules.layers.frames.standardise import Standardise


class SegmentClassifier(TaggingModule):
    """A small network on statistics of the frame posteriors of a trained frame model.

    The features of a track are, for each class, the maximum, the minimum and the mean of its
    posterior over all frames, and the fraction of frames above a threshold: 24 for 6 classes. With
    ``fused``, the mean of the features of its frames follows: 549 for 525 scattering coefficients.
    The publication states neither the threshold nor the classifier.

    Args:
        frame_model: Import path (``class_path``) and ``params`` of the frame model, and its number
            of outputs (``n_tags``) if it predicts other tags.
        threshold: Threshold of the fraction, or several.
        fused: Whether the mean of the features of the frames is added.
        hidden: Units of the hidden layer with ReLU; 0 for a linear classifier.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "SegmentClassifier"
    built_on: ClassVar[tuple[str, ...]] = ("frame_model",)
    custom_aggregate: ClassVar[bool] = True
    default_stage: ClassVar[str] = "lightning_modules.stages.segment_features.SegmentFeatures"
    title: ClassVar[str] = "Segment features"
    paper: ClassVar[str] = "Dai et al., ISCSLP 2016, segment features"
    bibtex: ClassVar[str] = DAI2016

    def __init__(
        self,
        *,
        frame_model: Mapping[str, Any],
        threshold: float | list[float] = 0.5,
        fused: bool = False,
        hidden: int = 256,
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        frame_class = class_of(frame_model)
        if not issubclass(frame_class, FrameClassifier):
            raise TagbenchError(
                "SegmentClassifier: expected a parent frame_model that classifies frames, such as "
                f"dai2016_lstm_512, got {frame_class.__name__}."
            )
        if hidden < 0:
            raise TagbenchError(f"SegmentClassifier: expected hidden >= 0, got {hidden}.")
        self.thresholds = tuple(threshold) if isinstance(threshold, list) else (threshold,)
        self.frame_model = frame_class(
            **frame_model["params"],
            n_tags=frame_model.get("n_tags", self.n_tags),
            task=self.task,
            seed=self.seed,
        )
        self.frame_model.requires_grad_(False)
        self.n_statistics = (3 + len(self.thresholds)) * self.frame_model.n_tags
        size = self.n_statistics + (self.frame_model.n_features if fused else 0)
        self.standardise = Standardise(size)
        layers = [nn.Linear(size, hidden), nn.ReLU()] if hidden else []
        self.head = nn.Sequential(*layers, nn.Linear(hidden or size, self.n_tags))

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the frames that the frame model takes."""
        frame_model = params["frame_model"]
        return class_of(frame_model).input_spec(**frame_model["params"])

    def forward(self, features: Tensor) -> Tensor:
        """Map features (W, R, D), each window as a track of its own, to logits (W, C)."""
        each = torch.arange(len(features), device=features.device)
        return self._logits(self.track_features(self.window_outputs(features), each, len(each)))

    def window_outputs(self, features: Tensor) -> Tensor:
        """Return statistics of posteriors, and sums of features (W, (3 + K) C + 1 + D)."""
        with torch.no_grad():
            posteriors = self.frame_model.posteriors(features)
        return torch.cat([segment_statistics(posteriors, self.thresholds), features.sum(1)], 1)

    def track_features(self, outputs: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
        """Return the features of tracks, (N, (3 + K) C + D)."""
        statistics, added = outputs[:, : self.n_statistics + 1], outputs[:, self.n_statistics :]
        sums = track_sums(added, track_index, n_tracks)  # (N, 1 + D)
        means = (sums[:, 1:] / sums[:, :1]).to(outputs.dtype)
        return torch.cat(
            [segment_features(statistics, track_index, n_tracks, self.frame_model.n_tags), means], 1
        )

    def aggregate(self, outputs: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
        """Return the probabilities of tracks (N, C) from their windows."""
        return self.probabilities(self._logits(self.track_features(outputs, track_index, n_tracks)))

    def batch_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a batch of frames, or of features of tracks."""
        if "embeddings" not in batch:
            return super().batch_logits(batch)
        return self._logits(batch["embeddings"])

    def valid_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a validation batch of frames, or of features of tracks."""
        return self.batch_logits(batch) if "embeddings" in batch else super().valid_logits(batch)

    def _logits(self, track_features: Tensor) -> Tensor:
        """Map features of tracks (N, (3 + K) C + D) to logits (N, C)."""
        used = track_features[:, : self.standardise.mean.numel()]
        logits: Tensor = self.head(self.standardise(used))
        return logits
