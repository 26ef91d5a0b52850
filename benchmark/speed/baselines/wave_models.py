"""Taggers of Won et al. 2020 that read the waveform, layer by layer; they return logits."""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.speed.baselines.blocks import Conv1d, ResSE1d

_WIDTHS = (128, 128, 128, 256, 256, 256, 256, 256, 256, 512)


class SampleCNN(nn.Module):
    """Eleven convolutions and a dense layer."""

    def __init__(self, *, n_tags: int) -> None:
        super().__init__()
        self.layer1 = Conv1d(1, 128, 3, 3, 1)
        for at in range(1, 10):
            self.add_module(f"layer{at + 1}", Conv1d(_WIDTHS[at - 1], _WIDTHS[at], 3, 1, 3))
        self.layer11 = Conv1d(512, 512, 1, 1, 1)
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(512, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = audio.unsqueeze(1)
        for at in range(1, 12):
            x = self.get_submodule(f"layer{at}")(x)
        return self.dense(self.dropout(x.squeeze(-1)))


class SampleCNNSE(nn.Module):
    """Eleven residual blocks with squeeze and excitation, two dense layers."""

    def __init__(self, *, n_tags: int) -> None:
        super().__init__()
        self.layer1 = ResSE1d(1, 128, 3, 3, 1)
        for at in range(1, 10):
            self.add_module(f"layer{at + 1}", ResSE1d(_WIDTHS[at - 1], _WIDTHS[at], 3, 1, 3))
        self.layer11 = ResSE1d(512, 512, 1, 1, 1)
        self.dense1 = nn.Linear(512, 512)
        self.bn = nn.BatchNorm1d(512)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(512, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = audio.unsqueeze(1)
        for at in range(1, 12):
            x = self.get_submodule(f"layer{at}")(x)
        x = self.relu(self.bn(self.dense1(x.squeeze(-1))))
        return self.dense2(self.dropout(x))
