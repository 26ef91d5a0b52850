"""Convolutional recurrent network (Choi et al. 2017), as evaluated by Won et al. 2020."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock2d
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm


class CRNN(TaggingModule):
    """Four 3x3 convolutions over 29 s, followed by two GRU layers, whose last state is classified.

    394,100 parameters at 50 tags. The original of 2017 uses audio at 12 kHz and ELU; this is the
    network of the published table.

    Args:
        n_mels: Bands of the front end, 96 or 128 in the paper.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "CRNN"
    input_samples = 464000
    min_samples = 95 * 256  # 96 frames: the pools leave one step
    title: ClassVar[str] = "CRNN"
    paper: ClassVar[str] = "Choi et al., ICASSP 2017; Won et al., SMC 2020, row CRNN"
    bibtex: ClassVar[str] = """@inproceedings{choi2017convolutional,
  title={Convolutional recurrent neural networks for music classification},
  author={Choi, Keunwoo and Fazekas, Gy{\\"o}rgy and Sandler, Mark and Cho, Kyunghyun},
  booktitle={Proc. ICASSP}, year={2017}}"""

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
        self.spec_bn = SpectrogramNorm(self.spec.channels)
        self.layer1 = ConvBlock2d(self.spec.channels, 64, pooling=2)
        self.layer2 = ConvBlock2d(64, 128, pooling=3)
        self.layer3 = ConvBlock2d(128, 128, pooling=4)
        self.layer4 = ConvBlock2d(128, 128, pooling=4)
        self.layer5 = nn.GRU(128, 32, num_layers=2, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(32, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.spec_bn(self.spec(audio))  # (B, 1, 96, 1813)
        x = self.layer1(x)  # (B, 64, 48, 906)
        x = self.layer2(x)  # (B, 128, 16, 302)
        x = self.layer3(x)  # (B, 128, 4, 75)
        x = self.layer4(x)  # (B, 128, 1, 18)
        x = x.squeeze(2).transpose(1, 2)  # (B, 18, 128)
        x = self.layer5(x)[0][:, -1]  # (B, 32)
        return self.dense(self.dropout(x))  # (B, C)
