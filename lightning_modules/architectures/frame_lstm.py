"""Peephole LSTM on a sequence of scattering coefficients (Dai et al. 2016)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.architectures.frame_classifier import FrameClassifier, FrameOptions
from lightning_modules.layers.frames.peephole_lstm import PeepholeLSTM


class FrameLSTM(FrameClassifier):
    """LSTM layers with peephole connections, and a linear layer on each frame.

    Parameters at 6 classes: 2,130,438 with 512 units, 6,358,022 with 1,024, 4,231,174 with two
    layers of 512, 14,753,798 with two layers of 1,024. The publication does not state the length
    of a sequence.

    Args:
        units: Units of each LSTM layer.
        **base: See `FrameClassifier`.
    """

    identity: ClassVar[str] = "FrameLSTM"
    title: ClassVar[str] = "Frame LSTM"
    paper: ClassVar[str] = "Dai et al., ISCSLP 2016, LSTM"

    def __init__(self, *, units: list[int], **base: Unpack[FrameOptions]) -> None:
        super().__init__(**base)
        sizes = pairwise([self.n_features, *units])
        self.layers = nn.Sequential(*(PeepholeLSTM(n_in, n_out) for n_in, n_out in sizes))
        self.output = nn.Linear(units[-1], self.n_tags)

    def frame_logits(self, features: Tensor) -> Tensor:
        """Map standardised features (W, R, D) to logits (W, R, C)."""
        logits: Tensor = self.output(self.layers(features))
        return logits
