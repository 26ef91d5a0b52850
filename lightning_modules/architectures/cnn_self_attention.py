"""CNN with self-attention, CNNSA (Won et al. 2019), as evaluated by Won et al. 2020."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.attention import AttentionLayer
from lightning_modules.layers.bert_encoder import Encoder, Pooler, class_token
from lightning_modules.layers.conv_blocks import ResBlock2d
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm


class SelfAttention(TaggingModule):
    """Residual CNN that maps 15 s to 118 tokens, followed by a two-layer Transformer.

    10,521,652 parameters at 50 tags. Token 0 is a constant: the reference draws it with NumPy's
    seed 0, and does not learn or store it. There is no positional encoding.

    Args:
        n_mels: Bands of the front end, 128 in the paper.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "SelfAttention"
    input_samples = 240000
    min_samples = 257  # half an FFT window is reflected at each end
    title: ClassVar[str] = "Self-attention"
    paper: ClassVar[str] = "Won et al., 2019 (arXiv:1906.04972); SMC 2020, row Self-attention"
    bibtex: ClassVar[str] = """@article{won2019toward,
  title={Toward interpretable music tagging with self-attention},
  author={Won, Minz and Chun, Sanghyuk and Serra, Xavier},
  journal={arXiv preprint arXiv:1906.04972}, year={2019}}"""

    cls: Tensor

    def __init__(
        self,
        *,
        n_mels: int = 128,
        frontend: frontends.Options = "log_mel",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = frontends.build(
            frontend, sample_rate=self.sample_rate, bands=n_mels, fits=range(65, 129)
        )
        self.spec_bn = SpectrogramNorm(self.spec.channels)
        self.layer1 = ResBlock2d(self.spec.channels, 128, stride=2)
        self.layer2 = ResBlock2d(128, 128, stride=2)
        self.layer3 = ResBlock2d(128, 256, stride=2)
        self.layer4 = ResBlock2d(256, 256, stride=(2, 1))
        self.layer5 = ResBlock2d(256, 256, stride=(2, 1))
        self.layer6 = ResBlock2d(256, 256, stride=(2, 1))
        self.layer7 = ResBlock2d(256, 256, stride=(2, 1))
        self.register_buffer("cls", class_token(256), persistent=False)
        self.encoder = Encoder(width=256, heads=8, n_layers=2)
        self.pooler = Pooler(256)
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(256, self.n_tags)

    @property
    def attentions(self) -> Sequence[AttentionLayer]:
        """Attention layers from the first to the last."""
        return self.encoder.attentions

    def tokens(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to tokens (B, N, 256): the constant, then one token for 8 frames."""
        self.check_length(audio)
        x = self.spec_bn(self.spec(audio))  # (B, 1, 128, 938)
        x = self.layer1(x)  # (B, 128, 64, 469)
        x = self.layer2(x)  # (B, 128, 32, 235)
        x = self.layer3(x)  # (B, 256, 16, 118)
        x = self.layer4(x)  # (B, 256, 8, 118)
        x = self.layer5(x)  # (B, 256, 4, 118)
        x = self.layer6(x)  # (B, 256, 2, 118)
        x = self.layer7(x)  # (B, 256, 1, 118)
        x = x.squeeze(2).transpose(1, 2)  # (B, 118, 256)
        return torch.cat([self.cls.to(x).expand(len(x), 1, -1), x], 1)  # (B, 119, 256)

    def classify(self, tokens: Tensor, first_layer: int = 0) -> Tensor:
        """Map the input (B, N, 256) of an encoder layer to logits (B, C)."""
        x = self.pooler(self.encoder(tokens, first_layer))  # (B, 256)
        return self.dense(self.dropout(x))  # (B, C)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        return self.classify(self.tokens(audio))
