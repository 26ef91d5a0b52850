"""CRNN-TF: recurrent layers over time and frequency (Wang et al. 2019)."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.architectures.bag_classifier import mel_spec
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.bags.mel_rnn import CRNNTFEncoder, Scan


class CRNNTF(TaggingModule):
    """Four convolutions with ELU over 29 s, then recurrent layers over time and frequency.

    The publication does not state the sizes of its layers; these are those of tagbench. With 16
    outputs it has 434,834 parameters with ``raster`` and 828,050 with ``axis``.

    Args:
        scan: Order in which the map of the convolutions is read; see `CRNNTFEncoder`.
        seconds: Length to which a track is cut or padded.
        dropout: Dropout before the last layer; after each convolution it is 0.1.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "CRNNTF"
    title: ClassVar[str] = "CRNN-TF"
    paper: ClassVar[str] = "Wang et al., IJCNN 2019"
    bibtex: ClassVar[str] = """@inproceedings{wang2019crnntf,
  title={Music classification using an improved {CRNN} with multi-directional spatial dependencies
    in both time and frequency dimensions},
  author={Wang, Zhen and Muknahallipatna, Suresh and Fan, Maohong and Okray, Austin and Lan, Chao},
  booktitle={Proc. IJCNN}, year={2019}}"""

    def __init__(
        self,
        *,
        scan: Scan = "raster",
        seconds: float = 29.0,
        dropout: float = 0.3,
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.encoder = CRNNTFEncoder(scan, frames=self.input_samples)
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
