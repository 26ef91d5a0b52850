"""Music Tagging Transformer (Won et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frontends.bands_at_22050 import BANDS, HOP, SAMPLE_RATE, build_at_22050
from lightning_modules.layers.attention import AttentionLayer
from lightning_modules.layers.conv_blocks import ResBlock2d
from lightning_modules.layers.pre_norm_encoder import Encoder

HEADS, LAYERS, DROPOUT = 8, 4, 0.1
MOST_TOKENS = 512
POOLED = 4  # frames of the spectrogram in a token


class ConvFrontEnd(nn.Module):
    """Three residual blocks that map a spectrogram to tokens, with the published names.

    Args:
        n_maps: Maps of a spectrogram, 1 except for the harmonic front end.
        n_channels: Feature maps of the convolutions.
        width: Width D of the tokens.
    """

    def __init__(self, n_maps: int, n_channels: int, width: int) -> None:
        super().__init__()
        self.input_bn = nn.BatchNorm2d(n_maps)
        self.layer1 = ResBlock2d(n_maps, n_channels, stride=1, pooling=(2, 2))
        self.layer2 = ResBlock2d(n_channels, n_channels, stride=1, pooling=(2, 2))
        self.layer3 = ResBlock2d(n_channels, n_channels, stride=1, pooling=(2, 1))
        self.fc = nn.Linear(n_channels * (BANDS // 8), width)

    def forward(self, x: Tensor) -> Tensor:
        """Map decibels (B, n_maps, 128, frames) to tokens (B, frames // 4, D)."""
        x = self.layer1(self.input_bn(x))  # (B, n_channels, 64, 215)
        x = self.layer2(x)  # (B, n_channels, 32, 107)
        x = self.layer3(x)  # (B, n_channels, 16, 107)
        return self.fc(x.permute(0, 3, 1, 2).flatten(2))


class MusicTaggingTransformer(TaggingModule):
    """Residual CNN that maps 10 s to 107 tokens, followed by a four-layer Transformer.

    At 50 tags it has 4,567,732 parameters with the defaults, which are those of the published
    teacher, and 1,108,852 with ``width=64``, as the compact student. ``n_channels=16`` gives
    3,378,852. Positions are learned, and there are 512 of them: audio is at most 47.6 s long.

    Args:
        n_channels: Feature maps of the convolutions.
        width: Width of the Transformer, a multiple of 8.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "MusicTaggingTransformer"
    sample_rate = SAMPLE_RATE
    input_samples = 220500
    min_samples = (POOLED - 1) * HOP  # 4 frames: the pools leave one
    max_samples = (MOST_TOKENS * POOLED + POOLED - 1) * HOP - 1
    title: ClassVar[str] = "Music Tagging Transformer"
    paper: ClassVar[str] = "Won et al., ISMIR 2021"
    bibtex: ClassVar[str] = """@inproceedings{won2021transformer,
  title={Semi-supervised music tagging transformer},
  author={Won, Minz and Choi, Keunwoo and Serra, Xavier},
  booktitle={Proc. International Society for Music Information Retrieval Conference},
  year={2021}}"""

    def __init__(
        self,
        *,
        n_channels: int = 128,
        width: int = 256,
        frontend: frontends.Options = "log_mel",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = build_at_22050(frontend)
        self.frontend = ConvFrontEnd(self.spec.channels, n_channels, width)
        self.pos_embedding = nn.Parameter(torch.empty(1, MOST_TOKENS + 1, width))
        self.cls_token = nn.Parameter(torch.empty(width))
        nn.init.normal_(self.pos_embedding)
        nn.init.normal_(self.cls_token)
        self.dropout = nn.Dropout(DROPOUT)
        self.transformer = Encoder(width, HEADS, LAYERS, dropout=DROPOUT)
        self.mlp_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, self.n_tags))

    @property
    def attentions(self) -> Sequence[AttentionLayer]:
        """Attention layers from the first to the last."""
        return self.transformer.attentions

    def tokens(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to tokens (B, N, D): the class token, then one token for 4 frames."""
        self.check_length(audio)
        x = self.frontend(self.spec(audio))  # (B, 107, D)
        x = torch.cat([self.cls_token.expand(len(x), 1, -1), x], 1)  # (B, 108, D)
        return self.dropout(x + self.pos_embedding[:, : x.shape[1]])

    def classify(self, tokens: Tensor, first_layer: int = 0) -> Tensor:
        """Map the input (B, N, D) of a layer to logits (B, C)."""
        return self.mlp_head(self.transformer(tokens, kept=1, first_layer=first_layer)[:, 0])

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        return self.classify(self.tokens(audio))
