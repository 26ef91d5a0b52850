"""Genre classifier of the tutorial Music Classification: Beyond Supervised Learning (2021)."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frontends.bands_at_22050 import HOP, SAMPLE_RATE, build_at_22050
from lightning_modules.layers.conv_blocks import ConvBlock2d
from lightning_modules.layers.fused_batchnorm import BatchNorm1d

POOLED = 720  # the pools divide time by 3 * 4 * 5 * 3 * 4
BLOCK_DROPOUT, HEAD_DROPOUT = 0.1, 0.5


class WebbookGtzan(TaggingModule):
    """Five 3x3 convolutions with pools that reduce 29 s to one point, and two dense layers.

    40,124 parameters at 10 genres. The tutorial trains it on GTZAN with Adam at 1e-3 and
    augmentation, and reports an accuracy of 0.5414.

    Args:
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "WebbookGtzan"
    sample_rate = SAMPLE_RATE
    input_samples = 639450
    min_samples = (POOLED - 1) * HOP  # fewer frames leave no point, twice as many leave two
    max_samples = (2 * POOLED - 1) * HOP - 1
    title: ClassVar[str] = "Tutorial CNN"
    paper: ClassVar[str] = "Won et al., ISMIR 2021 tutorial, part 3"
    bibtex: ClassVar[str] = """@book{won2021tutorial,
  title={Music Classification: Beyond Supervised Learning, Towards Real-world Applications},
  author={Won, Minz and Spijkervet, Janne and Choi, Keunwoo},
  publisher={https://music-classification.github.io/tutorial}, year={2021}}"""

    def __init__(
        self, *, frontend: frontends.Options = "log_mel", **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(**base)
        self.spec = build_at_22050(frontend)
        self.input_bn = nn.BatchNorm2d(self.spec.channels)
        self.layer1 = ConvBlock2d(self.spec.channels, 16, pooling=(2, 3))
        self.layer2 = ConvBlock2d(16, 16, pooling=(3, 4))
        self.layer3 = ConvBlock2d(16, 32, pooling=(2, 5))
        self.layer4 = ConvBlock2d(32, 32, pooling=(3, 3))
        self.layer5 = ConvBlock2d(32, 64, pooling=(3, 4))
        self.block_dropout = nn.Dropout(BLOCK_DROPOUT)
        self.dense1 = nn.Linear(64, 64)
        self.dense_bn = BatchNorm1d(64)
        self.dropout = nn.Dropout(HEAD_DROPOUT)
        self.dense2 = nn.Linear(64, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.input_bn(self.spec(audio))  # (B, 1, 128, 1249)
        x = self.block_dropout(self.layer1(x))  # (B, 16, 64, 416)
        x = self.block_dropout(self.layer2(x))  # (B, 16, 21, 104)
        x = self.block_dropout(self.layer3(x))  # (B, 32, 10, 20)
        x = self.block_dropout(self.layer4(x))  # (B, 32, 3, 6)
        x = self.block_dropout(self.layer5(x)).flatten(1)  # (B, 64)
        return self.dense2(self.dropout(self.dense_bn(self.dense1(x)).relu()))
