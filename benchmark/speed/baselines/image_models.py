"""Taggers of Won et al. 2020 that read a log-mel map, layer by layer; they return logits.

They share no code with ``lightning_modules``; see `benchmark.speed.baselines.blocks`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.speed.baselines.blocks import Conv1d, Conv2d, ConvH, ConvV, LogMel, Res2d


class FCN(LogMel):
    """Five convolutions over 29 s and a dense layer."""

    def __init__(self, *, n_tags: int, n_mels: int = 96) -> None:
        super().__init__(n_mels)
        self.layer1 = Conv2d(1, 64, pooling=(2, 4))
        self.layer2 = Conv2d(64, 128, pooling=(2, 4))
        self.layer3 = Conv2d(128, 128, pooling=(2, 4))
        self.layer4 = Conv2d(128, 128, pooling=(3, 5))
        self.layer5 = Conv2d(128, 64, pooling=(4, 4))
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(64, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = self.map(audio)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4, self.layer5):
            x = layer(x)
        return self.dense(self.dropout(x.view(x.size(0), -1)))


class CRNN(LogMel):
    """Four convolutions over 29 s and two GRU layers."""

    def __init__(self, *, n_tags: int, n_mels: int = 96) -> None:
        super().__init__(n_mels)
        self.layer1 = Conv2d(1, 64, pooling=(2, 2))
        self.layer2 = Conv2d(64, 128, pooling=(3, 3))
        self.layer3 = Conv2d(128, 128, pooling=(4, 4))
        self.layer4 = Conv2d(128, 128, pooling=(4, 4))
        self.layer5 = nn.GRU(128, 32, 2, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(32, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = self.map(audio)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        x, _ = self.layer5(x.squeeze(2).permute(0, 2, 1))
        return self.dense(self.dropout(x[:, -1]))


class Musicnn(LogMel):
    """Timbral and temporal filters, three convolutions with skips, two dense layers."""

    def __init__(
        self, *, n_tags: int, n_mels: int = 96, n_channels: int = 64, n_hidden: int = 200
    ) -> None:
        super().__init__(n_mels)
        self.layers = nn.ModuleList(
            [
                ConvV(1, 204, (67, 7)),
                ConvV(1, 204, (38, 7)),
                ConvH(1, 51, 129),
                ConvH(1, 51, 65),
                ConvH(1, 51, 33),
            ]
        )
        self.layer1 = Conv1d(561, n_channels, 7, 1, 1)
        self.layer2 = Conv1d(n_channels, n_channels, 7, 1, 1)
        self.layer3 = Conv1d(n_channels, n_channels, 7, 1, 1)
        self.dense1 = nn.Linear(2 * (561 + 3 * n_channels), n_hidden)
        self.bn = nn.BatchNorm1d(n_hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(n_hidden, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = self.map(audio)
        front = torch.cat([layer(x) for layer in self.layers], dim=1)
        first = self.layer1(front)
        second = self.layer2(first) + first
        third = self.layer3(second) + second
        x = torch.cat([front, first, second, third], dim=1)
        length = x.size(2)
        top = nn.functional.max_pool1d(x, length).squeeze(2)
        mean = nn.functional.avg_pool1d(x, length).squeeze(2)
        x = self.relu(self.bn(self.dense1(torch.cat([top, mean], dim=1))))
        return self.dense2(self.dropout(x))


class ShortChunkCNN(LogMel):
    """Seven 3x3 convolutions over 3.69 s, the maximum over time, two dense layers."""

    block: type[nn.Module] = Conv2d

    def __init__(self, *, n_tags: int, n_mels: int = 128) -> None:
        super().__init__(n_mels)
        self.layer1 = self.block(1, 128)
        self.layer2 = self.block(128, 128)
        self.layer3 = self.block(128, 256)
        self.layer4 = self.block(256, 256)
        self.layer5 = self.block(256, 256)
        self.layer6 = self.block(256, 256)
        self.layer7 = self.block(256, 512)
        self.dense1 = nn.Linear(512, 512)
        self.bn = nn.BatchNorm1d(512)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(512, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = self.map(audio)
        convolutions = (self.layer1, self.layer2, self.layer3, self.layer4)
        for layer in (*convolutions, self.layer5, self.layer6, self.layer7):
            x = layer(x)
        x = x.squeeze(2)
        if x.size(-1) != 1:
            x = nn.functional.max_pool1d(x, x.size(-1))
        x = self.relu(self.bn(self.dense1(x.squeeze(2))))
        return self.dense2(self.dropout(x))


class ShortChunkCNNRes(ShortChunkCNN):
    """Short-chunk CNN with strided residual blocks."""

    block = Res2d
