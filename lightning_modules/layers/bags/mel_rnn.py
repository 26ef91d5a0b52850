"""Convolutions over a mel spectrogram, followed by recurrent layers: CRNN and CRNN-TF.

Shapes: B windows, F frequency bands, T frames, C channels, D values of an embedding.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import unknown_name
from lightning_modules.layers.conv_blocks import Pair, conv2d
from lightning_modules.layers.fused_batchnorm import BatchNorm2d, conv_norm
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm

Scan = Literal["raster", "axis"]
SCANS: tuple[Scan, ...] = ("raster", "axis")

BANDS = 96
"""Mel bands, which the pools reduce to 1 (CRNN) or 4 (CRNN-TF)."""

_WIDTHS = (64, 128, 128, 128)
_POOLS: tuple[Pair, ...] = (2, 3, 4)
_CELLS = 4  # bands after the pools of CRNN-TF
_HIDDEN = 32


class ConvEluBlock(nn.Module):
    """3x3 convolution, batch norm, ELU, max-pool, dropout (Choi et al. 2017)."""

    def __init__(self, n_in: int, n_out: int, pooling: Pair, dropout: float) -> None:
        super().__init__()
        self.conv = conv2d(n_in, n_out, 3)
        self.bn = BatchNorm2d(n_out)
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, F // pooling, T // pooling)."""
        # ELU is monotone, so that it can follow the pool, where it has fewer values to process.
        x = F.max_pool2d(conv_norm(self.conv, self.bn, x), self.pooling)
        return self.dropout(F.elu(x))


class _MelConvolutions(nn.Sequential):
    """Batch norm of the spectrogram and four blocks; see `ConvEluBlock`."""

    def __init__(self, last_pool: Pair, dropout: float) -> None:
        pools = (*_POOLS, last_pool)
        blocks = [
            ConvEluBlock(n_in, n_out, pool, dropout)
            for n_in, n_out, pool in zip((1, *_WIDTHS), _WIDTHS, pools, strict=False)
        ]
        super().__init__(SpectrogramNorm(1), *blocks)


class CRNNEncoder(nn.Module):
    """Four convolutions, then two GRU layers over time, whose last state is the embedding.

    Args:
        dropout: Dropout after each block of convolutions.

    Attributes:
        size: Values of an embedding, D.
    """

    size = _HIDDEN
    min_frames = 2 * 3 * 4 * 4

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.convolutions = _MelConvolutions(4, dropout)
        self.rnn = nn.GRU(_WIDTHS[-1], _HIDDEN, num_layers=2, batch_first=True)

    def forward(self, mel: Tensor) -> Tensor:
        """Map mel spectrograms (B, T, F), F = 96, to embeddings (B, 32)."""
        x = self.convolutions(mel.transpose(1, 2)[:, None])  # (B, 128, 1, T // 96)
        states = self.rnn(x.squeeze(2).transpose(1, 2))[0]
        embedding: Tensor = states[:, -1]
        return embedding


class CRNNTFEncoder(nn.Module):
    """Four convolutions, then recurrent layers over time and frequency (CRNN-TF).

    The convolutions leave a map of 128 channels with 4 bands and T // 96 frames. ``raster``: four
    GRUs read its cells row by row, column by column, and both backwards. ``axis``: a bidirectional
    GRU reads its frames, each with all bands, and another one its bands, each with all frames, so
    that the number of frames is fixed. The last states are concatenated.

    The publications do not state the sizes of the layers; these are those of tagbench.

    Args:
        scan: ``raster`` or ``axis``.
        frames: Frames of a spectrogram, T.
        dropout: Dropout after each block of convolutions.

    Attributes:
        size: Values of an embedding, D.

    Raises:
        TagbenchError: The scan is unknown.
    """

    size = 4 * _HIDDEN
    min_frames = 2 * 3 * 4 * 4

    def __init__(self, scan: Scan = "raster", *, frames: int, dropout: float = 0.1) -> None:
        super().__init__()
        if scan not in SCANS:
            raise unknown_name("scan", scan, SCANS, "CRNN-TF")
        self.scan = scan
        self.convolutions = _MelConvolutions((1, 4), dropout)
        channels = _WIDTHS[-1]
        inputs = (
            [channels] * 4
            if scan == "raster"
            else [channels * _CELLS, channels * (frames // self.min_frames)]
        )
        self.rnns = nn.ModuleList(
            nn.GRU(size, _HIDDEN, batch_first=True, bidirectional=scan == "axis") for size in inputs
        )

    def forward(self, mel: Tensor) -> Tensor:
        """Map mel spectrograms (B, T, F), F = 96, to embeddings (B, 128)."""
        x = self.convolutions(mel.transpose(1, 2)[:, None])  # (B, 128, 4, T // 96)
        sequences = _rasters(x) if self.scan == "raster" else _axes(x)
        states = [rnn(cells)[1] for rnn, cells in zip(self.rnns, sequences, strict=True)]
        return torch.cat([state for both in states for state in both], dim=1)


def _rasters(x: Tensor) -> list[Tensor]:
    """Return the cells (B, F T, C) of a map (B, C, F, T) by rows, by columns, and both reversed."""
    rows, columns = x.flatten(2).transpose(1, 2), x.transpose(2, 3).flatten(2).transpose(1, 2)
    return [rows, rows.flip(1), columns, columns.flip(1)]


def _axes(x: Tensor) -> list[Tensor]:
    """Return the frames (B, T, C F) and the bands (B, F, C T) of a map (B, C, F, T)."""
    return [x.permute(0, 3, 1, 2).flatten(2), x.permute(0, 2, 1, 3).flatten(2)]
