"""Short-chunk CNN and its residual form (Won et al. 2020)."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock2d, ResBlock2d
from lightning_modules.layers.dense_head import DenseHead
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm

WON2020 = """@inproceedings{won2020evaluation,
  title={Evaluation of {CNN}-based automatic music tagging models},
  author={Won, Minz and Ferraro, Andres and Bogdanov, Dmitry and Serra, Xavier},
  booktitle={Proc. Sound and Music Computing Conference}, year={2020}}"""


class ShortChunkCNN(DenseHead, TaggingModule):
    """Seven 3x3 convolutions with 2x2 pools over 3.69 s, a global max-pool and two dense layers.

    3,687,348 parameters at 50 tags.

    Args:
        n_mels: Bands of the front end, 128 in the paper.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "ShortChunkCNN"
    input_samples = 59049
    min_samples = 127 * 256  # 128 frames: seven pools leave one
    title: ClassVar[str] = "Short-chunk CNN"
    paper: ClassVar[str] = "Won et al., SMC 2020, row Short-chunk CNN"
    bibtex: ClassVar[str] = WON2020
    block: ClassVar[type[nn.Module]] = ConvBlock2d
    fits: ClassVar[range] = range(128, 256)

    def __init__(
        self,
        *,
        n_mels: int = 128,
        frontend: frontends.Options = "log_mel",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = frontends.build(
            frontend, sample_rate=self.sample_rate, bands=n_mels, fits=self.fits
        )
        self.spec_bn = SpectrogramNorm(self.spec.channels)
        self.layer1 = self.block(self.spec.channels, 128)
        self.layer2 = self.block(128, 128)
        self.layer3 = self.block(128, 256)
        self.layer4 = self.block(256, 256)
        self.layer5 = self.block(256, 256)
        self.layer6 = self.block(256, 256)
        self.layer7 = self.block(256, 512)
        self.add_head(512, 512, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.spec_bn(self.spec(audio))  # (B, 1, 128, 231)
        # Shapes in brackets are those of the residual form, whose strides round sizes up.
        x = self.layer1(x)  # (B, 128, 64, 115 [116])
        x = self.layer2(x)  # (B, 128, 32, 57 [58])
        x = self.layer3(x)  # (B, 256, 16, 28 [29])
        x = self.layer4(x)  # (B, 256, 8, 14 [15])
        x = self.layer5(x)  # (B, 256, 4, 7 [8])
        x = self.layer6(x)  # (B, 256, 2, 3 [4])
        x = self.layer7(x)  # (B, 512, 1, 1 [2])
        return self.head(x.amax((2, 3)))  # (B, 512) to (B, C)


class ShortChunkCNNRes(ShortChunkCNN):
    """Short-chunk CNN with strided residual blocks, the best model of Won et al. 2020.

    12,104,244 parameters at 50 tags. It accepts audio of any length.
    """

    identity: ClassVar[str] = "ShortChunkCNNRes"
    min_samples = 257  # half an FFT window is reflected at each end
    title: ClassVar[str] = "Short-chunk CNN + Res"
    paper: ClassVar[str] = "Won et al., SMC 2020, row Short-chunk CNN + Res"
    block: ClassVar[type[nn.Module]] = ResBlock2d
    fits: ClassVar[range] = range(65, 129)
