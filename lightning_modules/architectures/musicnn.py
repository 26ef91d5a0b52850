"""Musicnn (Pons et al. 2018; Pons and Serra 2019), as evaluated by Won et al. 2020."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock1d
from lightning_modules.layers.dense_head import DenseHead
from lightning_modules.layers.musicnn_blocks import Rhythm, Timbre
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm


class Musicnn(DenseHead, TaggingModule):
    """Musically motivated filters over 3 s, three residual convolutions, max and mean over time.

    784,300 parameters at 50 tags; 7,972,000 in the size of the Million Song Dataset
    (``n_channels=512, n_hidden=500``). As in the code of 2020, filter heights are 67 and 38 for any
    ``n_mels``, and filter lengths are odd; the original in TensorFlow differs in both.

    Args:
        n_mels: Bands of the front end, 96 or 128 in the paper.
        n_channels: Width of the middle convolutions.
        n_hidden: Width of the dense layer.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "Musicnn"
    input_samples = 48000
    min_samples = 257  # half an FFT window is reflected at each end
    title: ClassVar[str] = "Musicnn"
    paper: ClassVar[str] = "Pons et al., ISMIR 2018; Won et al., SMC 2020, row Musicnn"
    bibtex: ClassVar[str] = """@inproceedings{pons2018end,
  title={End-to-end learning for music audio tagging at scale},
  author={Pons, Jordi and Nieto, Oriol and Prockup, Matthew and Schmidt, Erik and Ehmann, Andreas
          and Serra, Xavier},
  booktitle={Proc. ISMIR}, year={2018}}"""

    def __init__(
        self,
        *,
        n_mels: int = 96,
        n_channels: int = 64,
        n_hidden: int = 200,
        frontend: frontends.Options = "log_mel",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = frontends.build(
            frontend, sample_rate=self.sample_rate, bands=n_mels, fits=range(67, 513)
        )
        channels = self.spec.channels
        self.spec_bn = SpectrogramNorm(channels)
        self.layers = nn.ModuleList(
            [
                Timbre(channels, 204, 67),
                Timbre(channels, 204, 38),
                Rhythm(channels, 51, 129),
                Rhythm(channels, 51, 65),
                Rhythm(channels, 51, 33),
            ]
        )
        n_front = 2 * 204 + 3 * 51  # 561
        self.layer1 = ConvBlock1d(n_front, n_channels, 7)
        self.layer2 = ConvBlock1d(n_channels, n_channels, 7)
        self.layer3 = ConvBlock1d(n_channels, n_channels, 7)
        self.add_head(2 * (n_front + 3 * n_channels), n_hidden, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.spec_bn(self.spec(audio))  # (B, 1, 96, 188)
        front = torch.cat([layer(x) for layer in self.layers], 1)  # (B, 561, 188)
        first = self.layer1(front)  # (B, 64, 188)
        second = self.layer2(first) + first  # (B, 64, 188)
        third = self.layer3(second) + second  # (B, 64, 188)
        x = torch.cat([front, first, second, third], 1)  # (B, 753, 188)
        return self.head(torch.cat([x.amax(2), x.mean(2)], 1))  # (B, 1506) to (B, C)
