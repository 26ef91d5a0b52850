"""Retrieval of music by tags from audio."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor

from lightning_modules import frontends
from lightning_modules.architectures.retrieval_model import EMBEDDING, RetrievalModel
from lightning_modules.base import BaseOptions
from lightning_modules.frontends.bands_at_22050 import HOP, SAMPLE_RATE, build_at_22050
from lightning_modules.layers.retrieval.song_branch import MIN_FRAMES, SongBranch


class AudioRetrieval(SongBranch, RetrievalModel):
    """Spectrogram of 4 s, seven convolutions and a global max-pool; see `RetrievalModel`.

    3,816,322 parameters with word vectors of 300 values. The paper computes the spectrogram of a
    whole file; here it is that of the window.

    Args:
        word_size: See `RetrievalModel`.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "AudioRetrieval"
    sample_rate = SAMPLE_RATE
    input_samples = 172 * HOP  # 173 frames
    min_samples = (MIN_FRAMES - 1) * HOP
    title: ClassVar[str] = "Retrieval, audio"
    paper: ClassVar[str] = "Won et al., ICASSP 2021, rows Acoustic"

    def __init__(
        self,
        *,
        word_size: int = 300,
        frontend: frontends.Options = "librosa_decibels",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(word_size=word_size, **base)
        self.spec = build_at_22050(frontend)
        self.add_song_branch(EMBEDDING)

    def encode(self, inputs: Tensor) -> Tensor:
        """Map audio (B, T) to embeddings of songs (B, E)."""
        self.check_length(inputs)
        return self.song_vector(self.spec(inputs))
