"""SampleCNN of CLMR (Spijkervet and Burgoyne 2021)."""

from __future__ import annotations

from typing import ClassVar, Unpack, cast

from torch import Tensor, nn

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import conv1d, pool_relu
from lightning_modules.layers.fused_batchnorm import BatchNorm1d, conv_norm

WIDTHS = (128, 128, 256, 256, 256, 256, 256, 256, 512)
"""Channels of the blocks that divide time by 3, after the first convolution."""


class CLMRSampleCNN(TaggingModule):
    """Convolutions of length 3 on a waveform of 3^10 samples at 22,050 Hz.

    2,394,162 parameters at 50 tags. It differs from ``SampleCNN`` in the sample rate, in the first
    convolution, which has no padding, in the last one, of length 3 instead of 1, and in that there
    is no dropout. The layers have the published names.

    Args:
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "CLMRSampleCNN"
    sample_rate = 22050
    input_samples = 59049
    min_samples = 59049
    max_samples: int | None = 2 * 59049 - 1  # longer audio leaves two points
    title: ClassVar[str] = "SampleCNN of CLMR"
    paper: ClassVar[str] = "Spijkervet and Burgoyne, ISMIR 2021"
    bibtex: ClassVar[str] = """@inproceedings{spijkervet2021contrastive,
  title={Contrastive learning of musical representations},
  author={Spijkervet, Janne and Burgoyne, John Ashley},
  booktitle={Proc. ISMIR}, year={2021}}"""

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        first = Block(1, 128, stride=3, padding=0)
        widths = (128, *WIDTHS)
        blocks = [Block(n_in, n, pooling=3) for n_in, n in zip(widths, WIDTHS, strict=False)]
        self.sequential = nn.Sequential(first, *blocks, Block(512, 512))
        self.fc = nn.Linear(512, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        return self.fc(self.sequential(audio[:, None]).squeeze(-1))


class Block(nn.Sequential):
    """Convolution of length 3, batch norm, ReLU, max-pool."""

    def __init__(
        self, n_in: int, n_out: int, *, stride: int = 1, padding: int = 1, pooling: int = 1
    ) -> None:
        super().__init__(conv1d(n_in, n_out, 3, stride, padding), BatchNorm1d(n_out))
        self.pooling = pooling

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, T) to (B, n_out, T // stride // pooling)."""
        conv, norm = cast(nn.Conv1d, self[0]), cast(BatchNorm1d, self[1])
        y = conv_norm(conv, norm, x[:, :, None])
        return pool_relu(y, (1, self.pooling)).squeeze(2)
