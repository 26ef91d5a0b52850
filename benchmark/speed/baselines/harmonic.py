"""Harmonic CNN of Won et al. 2020, layer by layer; it returns logits."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn

from benchmark.speed.baselines.blocks import Conv2d, Res2dPool

_N_HARMONICS, _N_BANDS = 6, 128


class _HarmonicSTFT(nn.Module):
    """Triangular filters around the harmonics of 128 bands; the width is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = torchaudio.transforms.Spectrogram(n_fft=512)
        self.to_db = torchaudio.transforms.AmplitudeToDB()
        notes = np.linspace(24, 88, _N_BANDS + 1)[:-1]
        centres = 440.0 * 2.0 ** ((notes - 69.0) / 12.0)
        harmonics = np.concatenate([centres * (at + 1) for at in range(_N_HARMONICS)])
        self.register_buffer(
            "centres", torch.tensor(harmonics, dtype=torch.float32), persistent=False
        )
        self.register_buffer("bins", torch.linspace(0, 8000, 257), persistent=False)
        self.bw_Q = nn.Parameter(torch.ones(1))

    def forward(self, audio: Tensor) -> Tensor:
        centres = self.get_buffer("centres").unsqueeze(0)
        bins = self.get_buffer("bins").unsqueeze(1)
        width = (0.1079 * centres + 24.7) / self.bw_Q
        up = bins * (2 / width) + (1 - 2 * centres / width)
        down = bins * (-2 / width) + (1 + 2 * centres / width)
        filters = torch.clamp(torch.minimum(up, down), min=0)  # (257, 768)
        power = torch.matmul(self.spec(audio).transpose(1, 2), filters).transpose(1, 2)
        power = power.reshape(power.size(0), _N_HARMONICS, _N_BANDS, power.size(2))
        return self.to_db(power)


class HarmonicCNN(nn.Module):
    """A harmonic front end and seven convolutional blocks over 5 s."""

    def __init__(self, *, n_tags: int) -> None:
        super().__init__()
        self.hstft = _HarmonicSTFT()
        self.hstft_bn = nn.BatchNorm2d(_N_HARMONICS)
        self.layer1 = Conv2d(_N_HARMONICS, 128, 2)
        self.layer2 = Res2dPool(128, 2)
        self.layer3 = Res2dPool(128, 2)
        self.layer4 = Res2dPool(128, 2)
        self.layer5 = Conv2d(128, 256, 2)
        self.layer6 = Res2dPool(256, (2, 3))
        self.layer7 = Res2dPool(256, (2, 3))
        self.dense1 = nn.Linear(256, 256)
        self.bn = nn.BatchNorm1d(256)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(256, n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        x = self.hstft_bn(self.hstft(audio))
        convolutions = (self.layer1, self.layer2, self.layer3, self.layer4)
        for layer in (*convolutions, self.layer5, self.layer6, self.layer7):
            x = layer(x)
        x = x.squeeze(2)
        if x.size(-1) != 1:
            x = nn.functional.max_pool1d(x, x.size(-1))
        x = self.relu(self.bn(self.dense1(x.squeeze(2))))
        return self.dense2(self.dropout(x))
