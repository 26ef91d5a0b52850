"""Fully convolutional network (Choi et al. 2016), as evaluated by Won et al. 2020."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock2d
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm


class FCN(TaggingModule):
    """Five 3x3 convolutions with pools that reduce 29 s to one point, and one dense layer.

    447,732 parameters at 50 tags. The paper of 2016 has a network of four layers; this is the
    network of the published table.

    Args:
        n_mels: Bands of the front end, 96 or 128 in the paper.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "FCN"
    input_samples = 464000
    # The pools divide time by 1280: fewer frames leave no point, twice as many leave two.
    min_samples = 1279 * 256
    max_samples: int | None = 2559 * 256 - 1
    title: ClassVar[str] = "FCN"
    paper: ClassVar[str] = "Choi et al., ISMIR 2016; Won et al., SMC 2020, row FCN"
    bibtex: ClassVar[str] = """@inproceedings{choi2016automatic,
  title={Automatic tagging using deep convolutional neural networks},
  author={Choi, Keunwoo and Fazekas, Gy{\\"o}rgy and Sandler, Mark},
  booktitle={Proc. ISMIR}, year={2016}}"""

    def __init__(
        self,
        *,
        n_mels: int = 96,
        frontend: frontends.Options = "log_mel",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = frontends.build(
            frontend, sample_rate=self.sample_rate, bands=n_mels, fits=range(96, 192)
        )
        channels = self.spec.channels
        self.spec_bn = SpectrogramNorm(channels)
        self.layer1 = ConvBlock2d(channels, 64, pooling=(2, 4))
        self.layer2 = ConvBlock2d(64, 128, pooling=(2, 4))
        self.layer3 = ConvBlock2d(128, 128, pooling=(2, 4))
        self.layer4 = ConvBlock2d(128, 128, pooling=(3, 5))
        self.layer5 = ConvBlock2d(128, 64, pooling=(4, 4))
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(64, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.spec_bn(self.spec(audio))  # (B, 1, 96, 1813)
        x = self.layer1(x)  # (B, 64, 48, 453)
        x = self.layer2(x)  # (B, 128, 24, 113)
        x = self.layer3(x)  # (B, 128, 12, 28)
        x = self.layer4(x)  # (B, 128, 4, 5)
        x = self.layer5(x)  # (B, 64, 1, 1)
        return self.dense(self.dropout(x.flatten(1)))  # (B, C)
