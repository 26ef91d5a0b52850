"""CRNN on single tracks: the segment-level network of MATT, at 12 kHz."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.architectures.bag_classifier import LIU2021, mel_spec
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.bags.mel_rnn import CRNNEncoder


class GenreCRNN(TaggingModule):
    """Four convolutions with ELU over 29 s, then two GRU layers, whose last state is classified.

    The network of Choi et al. 2017 with the input of MATT: 96 bands of audio at 12 kHz.

    Args:
        seconds: Length to which a track is cut or padded.
        dropout: Dropout before the last layer; after each convolution it is 0.1.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "GenreCRNN"
    title: ClassVar[str] = "CRNN at 12 kHz"
    paper: ClassVar[str] = (
        "Choi et al., ICASSP 2017; github.com/JohannesLiu/Music-Genre-Classification, row CRNN"
    )
    bibtex: ClassVar[str] = LIU2021

    def __init__(
        self, *, seconds: float = 29.0, dropout: float = 0.3, **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(**base)
        self.encoder = CRNNEncoder()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(self.encoder.size, self.n_tags)

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the frames of the spectrogram."""
        return mel_spec(params.get("seconds", 29.0))

    def forward(self, mel: Tensor) -> Tensor:
        """Map spectrograms (B, T, 96) to logits (B, C)."""
        self.check_length(mel)
        return self.dense(self.dropout(self.encoder(mel)))
