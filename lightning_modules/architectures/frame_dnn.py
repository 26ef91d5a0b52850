"""Dense network on the scattering coefficients of a frame (Dai et al. 2016)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.architectures.frame_classifier import FrameClassifier, FrameOptions


class FrameDNN(FrameClassifier):
    """Dense layers with sigmoids on each frame by itself.

    544,774 parameters with 1,024 units, 1,594,374 with two layers of 1,024, at 6 classes. The
    publication trains with Kaldi, whose hidden units are sigmoids by default.

    Args:
        units: Units of each hidden layer.
        **base: See `FrameClassifier`.
    """

    identity: ClassVar[str] = "FrameDNN"
    title: ClassVar[str] = "Frame DNN"
    paper: ClassVar[str] = "Dai et al., ISCSLP 2016, baseline DNN"

    def __init__(self, *, units: list[int], **base: Unpack[FrameOptions]) -> None:
        super().__init__(**base)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise([self.n_features, *units]):
            layers += [nn.Linear(n_in, n_out), nn.Sigmoid()]
        self.layers = nn.Sequential(*layers, nn.Linear(units[-1], self.n_tags))

    def frame_logits(self, features: Tensor) -> Tensor:
        """Map standardised features (W, R, D) to logits (W, R, C)."""
        logits: Tensor = self.layers(features)
        return logits
