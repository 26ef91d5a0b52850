"""Sample-level CNN (Lee et al. 2017), as evaluated by Won et al. 2020."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock1d


class SampleCNN(TaggingModule):
    """Convolutions of length 3 on a waveform of 3^10 samples, each dividing time by 3.

    1,869,874 parameters at 50 tags. There is no front end.

    Args:
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "SampleCNN"
    input_samples = 59049
    min_samples = 59049
    max_samples: int | None = 2 * 59049 - 3  # longer audio leaves two points
    title: ClassVar[str] = "Sample-level CNN"
    paper: ClassVar[str] = "Lee et al., SMC 2017; Won et al., SMC 2020, row Sample-level"
    bibtex: ClassVar[str] = """@inproceedings{lee2017sample,
  title={Sample-level deep convolutional neural networks for music auto-tagging using raw
         waveforms},
  author={Lee, Jongpil and Park, Jiyoung and Kim, Keunhyoung Luke and Nam, Juhan},
  booktitle={Proc. Sound and Music Computing Conference}, year={2017}}"""

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.layer1 = ConvBlock1d(1, 128, 3, stride=3)
        self.layer2 = ConvBlock1d(128, 128, 3, pooling=3)
        self.layer3 = ConvBlock1d(128, 128, 3, pooling=3)
        self.layer4 = ConvBlock1d(128, 256, 3, pooling=3)
        self.layer5 = ConvBlock1d(256, 256, 3, pooling=3)
        self.layer6 = ConvBlock1d(256, 256, 3, pooling=3)
        self.layer7 = ConvBlock1d(256, 256, 3, pooling=3)
        self.layer8 = ConvBlock1d(256, 256, 3, pooling=3)
        self.layer9 = ConvBlock1d(256, 256, 3, pooling=3)
        self.layer10 = ConvBlock1d(256, 512, 3, pooling=3)
        self.layer11 = ConvBlock1d(512, 512, 1)
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(512, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.layer1(audio[:, None])  # (B, 128, 19683)
        x = self.layer2(x)  # (B, 128, 6561)
        x = self.layer3(x)  # (B, 128, 2187)
        x = self.layer4(x)  # (B, 256, 729)
        x = self.layer5(x)  # (B, 256, 243)
        x = self.layer6(x)  # (B, 256, 81)
        x = self.layer7(x)  # (B, 256, 27)
        x = self.layer8(x)  # (B, 256, 9)
        x = self.layer9(x)  # (B, 256, 3)
        x = self.layer10(x)  # (B, 512, 1)
        x = self.layer11(x)  # (B, 512, 1)
        return self.dense(self.dropout(x.squeeze(-1)))  # (B, C)
