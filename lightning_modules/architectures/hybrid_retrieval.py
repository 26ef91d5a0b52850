"""Retrieval of music by tags from audio and listening vectors."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn

from datamodules.views.catalogue import joined_view
from datamodules.views.joined import Joined
from datamodules.views.log_mel import LogMel
from lightning_modules.architectures.retrieval_model import EMBEDDING, HIDDEN, RetrievalModel
from lightning_modules.base import BaseOptions
from lightning_modules.frontends.bands_at_22050 import BANDS, HOP, N_FFT, SAMPLE_RATE
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.fused_batchnorm import BatchNorm1d
from lightning_modules.layers.retrieval.song_branch import MIN_FRAMES, SongBranch

AUDIO = 200
"""Values of the vector of the audio, as many as the listening vector of the paper has."""


class HybridRetrieval(SongBranch, RetrievalModel):
    """The convolutions of `AudioRetrieval`, whose vector is joined with that of the track.

    4,125,146 parameters with word vectors of 300 values and listening vectors of 200. As in the
    code of the paper, the listening vector has no layers of its own, and a track has the mean of
    the audio vectors of its windows, before they are joined with it. The spectrogram is that of the
    whole track.

    Args:
        views: ``name`` and parameters of each view that is a vector of a track, see
            `datamodules.views.catalogue.joined_view`.
        word_size: See `RetrievalModel`.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "HybridRetrieval"
    through_view: ClassVar[tuple[str, ...]] = ("views",)
    title: ClassVar[str] = "Retrieval, audio and listening vectors"
    paper: ClassVar[str] = "Won et al., ICASSP 2021, rows Concat"

    def __init__(
        self, *, views: list[dict[str, Any]], word_size: int = 300, **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(word_size=word_size, **base)
        self.add_song_branch(AUDIO)
        self.cat_fc1 = nn.Linear(AUDIO + joined_view(views).width, HIDDEN)
        self.cat_bn1 = BatchNorm1d(HIDDEN)
        self.cat_fc2 = nn.Linear(HIDDEN, EMBEDDING)

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the frames of a spectrogram, each followed by the vector of the track."""
        mel = LogMel(sample_rate=SAMPLE_RATE, seconds=None, bands=BANDS, n_fft=N_FFT, hop=HOP)
        view = Joined(SAMPLE_RATE, mel, joined_view(params["views"]))
        return InputSpec(SAMPLE_RATE, window=173, min_samples=MIN_FRAMES, view=view)

    def encode(self, inputs: Tensor) -> Tensor:
        """Map rows (B, R, 128 + D) to the vectors of the audio and of the track (B, 200 + D)."""
        self.check_length(inputs)
        levels = inputs[..., :BANDS].transpose(1, 2)[:, None]  # (B, 1, 128, R)
        return torch.cat([self.song_vector(levels), inputs[:, 0, BANDS:]], dim=1)

    def song(self, encoded: Tensor) -> Tensor:
        """Map joined vectors (N, 200 + D) to embeddings of songs (N, E)."""
        hidden = self.dropout(self.cat_bn1(self.cat_fc1(encoded)).relu())
        embedding: Tensor = self.cat_fc2(hidden)
        return embedding
