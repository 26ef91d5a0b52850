"""Harmonic CNN (Won et al. 2020), with learned harmonic filters."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock2d, ResBlock2d
from lightning_modules.layers.dense_head import DenseHead


class HarmonicCNN(DenseHead, TaggingModule):
    """Residual CNN over 5 s, whose input channels are the harmonics of each pitch.

    3,631,551 parameters at 50 tags. The only learned parameter of the front end is the Q factor.

    Args:
        n_bands: Pitches of the front end, 128 in the paper.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "HarmonicCNN"
    input_samples = 80000
    min_samples = 287 * 256  # 288 frames: the pools leave one
    title: ClassVar[str] = "Harmonic CNN"
    paper: ClassVar[str] = "Won et al., ICASSP 2020; Won et al., SMC 2020, row Harmonic CNN"
    bibtex: ClassVar[str] = """@inproceedings{won2020data,
  title={Data-driven harmonic filters for audio representation learning},
  author={Won, Minz and Chun, Sanghyuk and Nieto, Oriol and Serra, Xavier},
  booktitle={Proc. ICASSP}, year={2020}}"""

    def __init__(
        self,
        *,
        n_bands: int = 128,
        frontend: frontends.Options = "harmonic",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.hstft = frontends.build(
            frontend, sample_rate=self.sample_rate, bands=n_bands, fits=range(128, 256)
        )
        self.hstft_bn = nn.BatchNorm2d(self.hstft.channels)
        self.layer1 = ConvBlock2d(self.hstft.channels, 128)
        self.layer2 = ResBlock2d(128, 128, stride=1, pooling=2)
        self.layer3 = ResBlock2d(128, 128, stride=1, pooling=2)
        self.layer4 = ResBlock2d(128, 128, stride=1, pooling=2)
        self.layer5 = ConvBlock2d(128, 256)
        self.layer6 = ResBlock2d(256, 256, stride=1, pooling=(2, 3))
        self.layer7 = ResBlock2d(256, 256, stride=1, pooling=(2, 3))
        self.add_head(256, 256, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.hstft_bn(self.hstft(audio))  # (B, 6, 128, 313)
        x = self.layer1(x)  # (B, 128, 64, 156)
        x = self.layer2(x)  # (B, 128, 32, 78)
        x = self.layer3(x)  # (B, 128, 16, 39)
        x = self.layer4(x)  # (B, 128, 8, 19)
        x = self.layer5(x)  # (B, 256, 4, 9)
        x = self.layer6(x)  # (B, 256, 2, 3)
        x = self.layer7(x)  # (B, 256, 1, 1)
        return self.head(x.amax((2, 3)))  # (B, 256) to (B, C)
