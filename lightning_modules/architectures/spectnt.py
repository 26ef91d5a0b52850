"""SpecTNT (Lu et al. 2021): a Transformer over frequency within one over time."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules import frontends
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frontends.bands_at_22050 import BANDS, HOP, SAMPLE_RATE, build_at_22050
from lightning_modules.layers.conv_blocks import ResBlock2d
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm
from lightning_modules.layers.pre_norm_encoder import Encoder

SPECTRAL_HEADS, TEMPORAL_HEADS = 4, 8
BLOCKS, DROPOUT = 3, 0.15
POOLED = 4  # frames of the spectrogram in a frame of the blocks
MOST_FRAMES = 49
INITIAL_STD = 0.02


class SpecTNTBlock(nn.Module):
    """Attention over the frequencies of each frame, then attention over time.

    Frequency tokens and temporal embeddings exchange information through the class token of each
    frame. Shapes: B windows, T frames, F frequencies, K and D the two widths.

    Args:
        spectral_width: K.
        temporal_width: D.
    """

    def __init__(self, spectral_width: int, temporal_width: int) -> None:
        super().__init__()
        self.to_spectral = nn.Linear(temporal_width, spectral_width)
        self.spectral = Encoder(spectral_width, SPECTRAL_HEADS, 1, dropout=DROPOUT, bias=True)
        self.to_temporal = nn.Linear(spectral_width, temporal_width)
        self.temporal = Encoder(temporal_width, TEMPORAL_HEADS, 1, dropout=DROPOUT, bias=True)

    def forward(
        self, spectral: Tensor, temporal: Tensor, *, last: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Map frequency tokens (B, T, F + 1, K) and temporal embeddings (B, T + 1, D).

        Args:
            spectral: The first token of each frame is its class token.
            temporal: The first embedding is the class token of the window.
            last: Whether only the class tokens are needed, so that both results hold one token:
                (B, T, 1, K) and (B, 1, D).
        """
        kept = 1 if last else None
        windows = len(spectral)
        tokens = spectral[:, :, :1] + self.to_spectral(temporal[:, 1:, None])  # (B, T, 1, K)
        tokens = torch.cat([tokens, spectral[:, :, 1:]], 2).flatten(0, 1)  # (B * T, F + 1, K)
        spectral = self.spectral(tokens, kept).unflatten(0, (windows, -1))
        update = self.to_temporal(spectral[:, :, 0])  # (B, T, D)
        temporal = temporal + F.pad(update, (0, 0, 1, 0))
        return spectral, self.temporal(temporal, kept)


class SpecTNT(TaggingModule):
    """Residual convolution, then three blocks of a spectral and a temporal Transformer, over 4.5 s.

    The publication gives no table of layers. Layers, dropout and window are those of a public
    reimplementation (MWM-io/SpecTNT-pytorch), but attention is over frequency and over time as in
    the publication, where that code attends over channels, and the spectrogram is in decibels.
    834,578 parameters at 50 tags, and 1,469,106 with both widths 128.

    Args:
        spectral_width: Width K of the frequency tokens, a multiple of 4.
        temporal_width: Width D of the temporal embeddings, a multiple of 8.
        frontend: Front end, see ``lightning_modules.frontends``.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "SpecTNT"
    sample_rate = SAMPLE_RATE
    input_samples = 100107
    min_samples = (POOLED - 1) * HOP  # 4 frames: the pool leaves one
    max_samples = (MOST_FRAMES * POOLED + POOLED - 1) * HOP - 1
    title: ClassVar[str] = "SpecTNT"
    paper: ClassVar[str] = "Lu et al., ISMIR 2021"
    bibtex: ClassVar[str] = """@inproceedings{lu2021spectnt,
  title={{SpecTNT}: a time-frequency transformer for music audio},
  author={Lu, Wei-Tsung and Wang, Ju-Chiang and Won, Minz and Choi, Keunwoo and Song, Xuchen},
  booktitle={Proc. International Society for Music Information Retrieval Conference},
  year={2021}}"""

    def __init__(
        self,
        *,
        spectral_width: int = 96,
        temporal_width: int = 96,
        frontend: frontends.Options = "log_mel",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.spec = build_at_22050(frontend)
        # Scale and offset are left to the layers that follow the first and the last norm.
        self.spec_bn = SpectrogramNorm(self.spec.channels, affine=False)
        self.layer1 = ResBlock2d(self.spec.channels, spectral_width, stride=1, pooling=(1, POOLED))
        self.frequency_class = nn.Parameter(torch.empty(spectral_width))
        self.frequency_position = nn.Parameter(torch.empty(BANDS + 1, spectral_width))
        self.temporal_class = nn.Parameter(torch.empty(1, temporal_width))
        self.temporal_embedding = nn.Parameter(torch.empty(MOST_FRAMES, temporal_width))
        self.blocks = nn.ModuleList(
            SpecTNTBlock(spectral_width, temporal_width) for _ in range(BLOCKS)
        )
        self.norm = nn.LayerNorm(temporal_width, elementwise_affine=False)
        self.dense = nn.Linear(temporal_width, self.n_tags)
        self._initialise()

    def _initialise(self) -> None:
        """Draw initial weights with which the class token depends on the audio from the start.

        With torch's defaults a linear layer reduces the variance to a third, and with larger
        embeddings the residual streams consist of these: the signal is lost on its way through
        three blocks of two Transformers each.
        """
        for learned in (
            self.frequency_class,
            self.frequency_position,
            self.temporal_class,
            self.temporal_embedding,
        ):
            nn.init.normal_(learned, std=INITIAL_STD)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.layer1(self.spec_bn(self.spec(audio)))  # (B, K, 128, 49)
        x = x.permute(0, 3, 2, 1)  # (B, 49, 128, K)
        class_tokens = self.frequency_class.to(x).expand(*x.shape[:2], 1, -1)
        spectral = torch.cat([class_tokens, x], 2) + self.frequency_position  # (B, 49, 129, K)
        frames = self.temporal_embedding[: x.shape[1]]
        temporal = torch.cat([self.temporal_class, frames]).expand(len(x), -1, -1)  # (B, 50, D)
        for index, block in enumerate(self.blocks):
            spectral, temporal = block(spectral, temporal, last=index == BLOCKS - 1)
        return self.dense(self.norm(temporal[:, 0]))
