"""Common part of the classifiers of scattering frames: posteriors, and the vote of a track.

Shapes: W windows, R frames of a window, D features of a frame, N tracks, C classes.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor

from datamodules.base import Batch
from datamodules.common.parameters import check_minimum
from datamodules.views.scattering import Scattering
from lightning_modules.base import BaseOptions, TaggingModule, batch_inputs
from lightning_modules.inputs import InputSpec, windows_per_pass
from lightning_modules.layers.frames.posteriors import frame_votes, track_sums
from lightning_modules.layers.frames.standardise import Standardise
from lightning_modules.training.track_metrics import track_means

DAI2016 = """@inproceedings{dai2016long,
  author={Dai, Jia and Liang, Shan and Xue, Wei and Ni, Chongjia and Liu, Wenju},
  title={Long short-term memory recurrent neural network based segment features for music genre
    classification},
  booktitle={Proc. ISCSLP}, year={2016}}"""


class FrameOptions(BaseOptions, total=False):
    """Arguments that every classifier of frames takes; see `FrameClassifier`."""

    frames: int
    log: bool


class FrameClassifier(TaggingModule):
    """A classifier of frames, each of which has the labels of its track.

    The loss is the mean over frames. A track gets the class that most of its frames vote for: the
    score of class c is (votes for c + mean posterior of c) / (frames + 1), so that ties go to the
    larger mean posterior. In multi-label tasks, a frame votes for each tag above probability 0.5.
    Features are standardised by the moments of the training frames.

    Args:
        frames: Frames of a window, 0.37 s each.
        log: Whether the features are the logarithms of renormalised scattering coefficients, the
            usual input of classifiers, or the coefficients themselves. The publication does not
            say which it used.
        **base: See ``TaggingModule``.
    """

    custom_aggregate: ClassVar[bool] = True
    default_stage: ClassVar[str] = "lightning_modules.stages.frame_supervised.FrameSupervised"
    bibtex: ClassVar[str] = DAI2016

    def __init__(self, *, frames: int = 24, log: bool = True, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        check_minimum(1, frames=frames)
        self.n_features = _view(log=log).width
        self.standardise = Standardise(self.n_features)

    @classmethod
    def input_spec(cls, *, frames: int = 24, log: bool = True, **params: Any) -> InputSpec:
        """Return the frames that the model takes."""
        view = _view(log=log)
        return InputSpec(view.sample_rate, frames, 1, None, view)

    @abstractmethod
    def frame_logits(self, features: Tensor) -> Tensor:
        """Map standardised features (W, R, D) to logits (W, R, C)."""

    def forward(self, features: Tensor) -> Tensor:
        """Map features (W, R, D) to logits of windows (W, C), the means over their frames."""
        return self.frame_logits(self.standardise(features)).mean(1)

    def posteriors(self, features: Tensor) -> Tensor:
        """Map features (W, R, D) to float32 posteriors (W, R, C)."""
        return self.probabilities(self.frame_logits(self.standardise(features)))

    def embed(self, features: Tensor) -> Tensor:
        """Map features (W, R, D) to embeddings (W, K): means over frames of the last layer."""
        return super().embed(features).mean(1)

    def batch_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, R, C) of the frames of a batch."""
        return self.frame_logits(self.standardise(batch_inputs(batch)))

    def valid_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, R, C) of the frames of a batch of any number of windows."""
        features = batch_inputs(batch)
        windows = windows_per_pass(features[0].numel())
        parts = torch.split(features, windows)
        return torch.cat([self.frame_logits(self.standardise(part)) for part in parts])

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over the frames of each window (W,).

        Args:
            logits: (W, R, C), or (W, C) of windows.
            targets: Multi-hot (W, C).
        """
        if logits.ndim == 2:
            return super().losses(logits, targets)
        each = targets[:, None].expand_as(logits)
        losses = super().losses(logits.flatten(0, 1), each.flatten(0, 1))
        return losses.view(logits.shape[:2]).mean(1)

    def evaluate_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the mean frame loss (N,) and the scores (N, C) of each track of a batch."""
        track_index, targets = batch["track_index"], batch["targets"]
        logits = self.valid_logits(batch)
        losses = self.losses(logits, targets[track_index])  # (W,)
        outputs = self._counted(self.probabilities(logits))
        scores = self.aggregate(outputs, track_index, len(targets))
        return track_means(losses[:, None], track_index, len(targets))[:, 0], scores

    def window_outputs(self, features: Tensor) -> Tensor:
        """Return votes, sums of posteriors, and number of frames of each window, (W, 2 C + 1)."""
        return self._counted(self.posteriors(features))

    def _counted(self, posteriors: Tensor) -> Tensor:
        votes = frame_votes(posteriors, single=self.task == "singlelabel")
        frames = posteriors.new_full((len(posteriors), 1), posteriors.shape[1])
        return torch.cat([votes.sum(1), posteriors.sum(1), frames], 1)

    def aggregate(self, outputs: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
        """Return the scores of tracks (N, C) from their windows; see the class."""
        votes, posteriors, frames = self._sums(outputs, track_index, n_tracks)
        return ((votes + posteriors / frames) / (frames + 1)).float()

    def track_arrays(
        self, outputs: Tensor, track_index: Tensor, n_tracks: int
    ) -> dict[str, Tensor]:
        """Return ``frame_votes`` (N, C), and ``frames`` (N,), the number of frames."""
        votes, _, frames = self._sums(outputs, track_index, n_tracks)
        return {"frame_votes": votes.long(), "frames": frames[:, 0].long()}

    def _sums(
        self, outputs: Tensor, track_index: Tensor, n_tracks: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        sums = track_sums(outputs, track_index, n_tracks)
        classes = self.n_tags
        return sums[:, :classes], sums[:, classes : 2 * classes], sums[:, 2 * classes :]


def _view(*, log: bool) -> Scattering:
    return Scattering(renormalised=log, log=log)
