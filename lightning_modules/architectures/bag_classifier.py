"""`BagClassifier`: the base class of models that classify bags of tracks.

Shapes: B windows, W windows of a batch, N tracks, M bags, H values of an instance, C classes.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal, Unpack

import torch
from torch import Tensor, nn

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.views.base import View
from datamodules.views.fma_features import ALL, FmaFeatures
from datamodules.views.log_mel import LogMel
from lightning_modules.base import BaseOptions, TaggingModule, batch_inputs
from lightning_modules.inputs import InputSpec, windows_per_pass
from lightning_modules.layers.bags.feature_encoder import FeatureEncoder
from lightning_modules.layers.bags.mel_rnn import BANDS, CRNNEncoder, CRNNTFEncoder, Scan
from lightning_modules.layers.float32 import full_float32

Encoder = Literal["none", "mlp", "crnn", "crnn_tf"]
ENCODERS: tuple[Encoder, ...] = ("none", "mlp", "crnn", "crnn_tf")

LIU2021 = """@misc{liu_music_genre_classification,
  author={{JohannesLiu}}, title={Music-Genre-Classification},
  howpublished={github.com/JohannesLiu/Music-Genre-Classification}}"""

_MLP_HIDDEN = 100
_BAGS_AT_ONCE = 64  # bounds the memory of the weights of all classes


class BagOptions(BaseOptions, total=False):
    """Arguments that every model of bags takes; see `BagClassifier`."""

    encoder: Encoder
    size: int | None
    sets: str
    sample_rate: int
    seconds: float
    scan: Scan


class BagClassifier(TaggingModule):
    """Encodes each window of the tracks of a bag as an instance, and classifies the bag.

    The source (github.com/JohannesLiu/Music-Genre-Classification) trains on bags of the tracks of
    an album and artist that have one genre. It tests on bags by album and artist, whose scores each
    of their tracks gets, and on single tracks. Its repository does not contain the encoders; their
    sizes are those of tagbench.

    Args:
        encoder: ``none``: the FMA features of a track themselves, ``Blank`` in the source. ``mlp``:
            the same after a hidden layer. ``crnn`` and ``crnn_tf``: a log-mel spectrogram after
            `CRNNEncoder` or `CRNNTFEncoder`.
        size: Values of an instance, which a linear layer computes from those of the encoder; None
            for those of the encoder. The source searched over networks of 140.
        sets: Features, separated by ``/``, or ``all``; see `FmaFeatures`.
        sample_rate: Rate in Hz at which FMA features are computed. The spectrogram is of 12 kHz.
        seconds: Length to which a track is cut or padded for the spectrogram.
        scan: Order in which CRNN-TF reads its map; see `CRNNTFEncoder`.
        **base: See ``TaggingModule``.

    Raises:
        TagbenchError: The encoder is unknown.
    """

    custom_aggregate: ClassVar[bool] = True
    tests_bags: ClassVar[bool] = True
    default_stage: ClassVar[str] = "lightning_modules.stages.bags.Bags"
    bibtex: ClassVar[str] = LIU2021

    def __init__(
        self,
        *,
        encoder: Encoder = "none",
        size: int | None = None,
        sets: str = ALL,
        sample_rate: int = 44100,
        seconds: float = 29.0,
        scan: Scan = "raster",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        if encoder not in ENCODERS:
            raise unknown_name("encoder", encoder, ENCODERS, type(self).__name__)
        self.encoder: FeatureEncoder | CRNNEncoder | CRNNTFEncoder
        if encoder == "crnn":
            self.encoder = CRNNEncoder()
        elif encoder == "crnn_tf":
            self.encoder = CRNNTFEncoder(scan, frames=self.input_samples)
        else:
            columns = _columns(self.view, sets)
            self.encoder = FeatureEncoder(columns, _MLP_HIDDEN if encoder == "mlp" else None)
        self.projection = nn.Identity() if size is None else nn.Linear(self.encoder.size, size)
        self.size = size or self.encoder.size

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the view: one row of features for a track, or the frames of a spectrogram."""
        if params.get("encoder", "none") in ("none", "mlp"):
            # All features, so that models of different sets share one view, computed once.
            features = FmaFeatures(sample_rate=params.get("sample_rate", 44100))
            return InputSpec(features.sample_rate, window=1, view=features)
        return mel_spec(params.get("seconds", 29.0))

    @abstractmethod
    def classify(self, instances: Tensor) -> Tensor:
        """Map instances (B, H), each a bag of its own, to logits (B, C)."""

    @abstractmethod
    def instance_losses(
        self, instances: Tensor, bag: Tensor, n_bags: int, targets: Tensor
    ) -> Tensor:
        """Return the loss of each bag (M,).

        Args:
            instances: (W, H).
            bag: Bag of each instance, int64 (W,).
            n_bags: Number of bags, M.
            targets: Multi-hot labels of the bags (M, C).
        """

    @abstractmethod
    def bag_probabilities(self, instances: Tensor, bag: Tensor, n_bags: int) -> Tensor:
        """Return the scores (M, C) of bags; for the arguments, see `instance_losses`."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Map windows (B, T, width), each a bag of its own, to logits (B, C)."""
        return self.classify(self.instances(inputs))

    def instances(self, inputs: Tensor) -> Tensor:
        """Map windows (B, T, width) to float32 instances (B, H)."""
        self.check_length(inputs)
        instances: Tensor = self.projection(self.encoder(inputs))
        return instances.float()

    def bag_loss(self, batch: Batch) -> Tensor:
        """Return the mean loss over the bags of a batch; the label is that of the first track."""
        instances = self.instances(batch_inputs(batch))
        bag, targets = _bags(batch)
        with full_float32(instances.device):
            return self.instance_losses(instances, bag, len(targets), targets).mean()

    def supervised_loss(self, batch: Batch) -> Tensor:
        """Return `bag_loss`."""
        return self.bag_loss(batch)

    def evaluate_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss (N,) and the probabilities (N, C) of each track: those of its bag."""
        inputs = batch_inputs(batch)
        rows = windows_per_pass(inputs[0].numel())
        instances = torch.cat([self.instances(windows) for windows in torch.split(inputs, rows)])
        bag, targets = _bags(batch)
        with full_float32(instances.device):
            losses = self.instance_losses(instances, bag, len(targets), targets)
        scores = self.aggregate(instances, bag, len(targets))
        of_track = batch["bag"] if "bag" in batch else torch.arange(len(targets), device=bag.device)
        return losses[of_track], scores[of_track]

    def window_outputs(self, inputs: Tensor) -> Tensor:
        """Map windows (B, T, width) to instances (B, H)."""
        return self.instances(inputs)

    def aggregate(self, outputs: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
        """Return the scores (M, C) of bags.

        Args:
            outputs: Instances (W, H).
            track_index: Bag of each instance, int64 (W,).
            n_tracks: Number of bags, M; each has an instance.
        """
        scores = []
        with full_float32(outputs.device):
            for first in range(0, n_tracks, _BAGS_AT_ONCE):
                count = min(_BAGS_AT_ONCE, n_tracks - first)
                chosen = (track_index >= first) & (track_index < first + count)
                bag = track_index[chosen] - first
                scores.append(self.bag_probabilities(outputs[chosen], bag, count))
        return torch.cat(scores)


def mel_spec(seconds: float) -> InputSpec:
    """Return the input of a network that sees a whole spectrogram of MATT.

    Args:
        seconds: Length to which a track is cut or padded.

    Raises:
        TagbenchError: It is too short for the pools of the network.
    """
    view = LogMel(seconds=seconds, bands=BANDS)
    frames = view.rows(seconds)
    if frames < CRNNEncoder.min_frames:
        least = CRNNEncoder.min_frames * view.seconds_per_row
        raise TagbenchError(f"seconds: expected {least:.2f} or more, found {seconds}.")
    return InputSpec(view.sample_rate, frames, frames, frames, view)


def _bags(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the bag of each window (W,) and the labels (M, C) of the first track of each bag.

    In a batch without bags, each track is one.
    """
    track_index, targets = batch["track_index"], batch["targets"]
    if "bag" not in batch:
        return track_index, targets
    bag = batch["bag"]  # ascending from 0
    firsts = torch.searchsorted(bag, torch.arange(int(bag[-1]) + 1, device=bag.device))
    return bag[track_index], targets[firsts]


def _columns(view: View | None, sets: str) -> list[int]:
    """Return the columns of a view of features that belong to ``sets``."""
    wanted, columns = set(FmaFeatures(sets=sets).features), view.columns if view else ()
    return [at for at, column in enumerate(columns) if column[0] in wanted]
