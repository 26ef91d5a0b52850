"""Building blocks of Won et al. 2020, layer by layer, as in the reference implementation.

They share no code with ``lightning_modules``, whose speed and outputs are compared with them. Names
are those of the published state dicts.
Shapes: B windows, C channels, F frequency bands, T frames or samples.
"""

from __future__ import annotations

import warnings

import torch
import torchaudio
from torch import Tensor, nn

Pair = int | tuple[int, int]


class LogMel(nn.Module):
    """Map audio (B, T) to normalised decibels (B, 1, n_mels, frames) with torchaudio.

    Subclasses keep ``spec`` and ``spec_bn`` at their top level, as the published files do.
    """

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        with warnings.catch_warnings():
            # The lowest of 128 triangles lies between two bins and is zero, also in the reference.
            warnings.filterwarnings("ignore", "At least one mel filterbank has all zero values")
            self.spec = torchaudio.transforms.MelSpectrogram(
                sample_rate=16000, n_fft=512, f_min=0.0, f_max=8000.0, n_mels=n_mels
            )
        self.to_db = torchaudio.transforms.AmplitudeToDB()
        self.spec_bn = nn.BatchNorm2d(1)

    def map(self, audio: Tensor) -> Tensor:
        """Return the map of a batch."""
        return self.spec_bn(self.to_db(self.spec(audio)).unsqueeze(1))


class Conv1d(nn.Module):
    """``Conv_1d``: convolution, batch norm, ReLU, max-pool."""

    def __init__(
        self, n_in: int, n_out: int, shape: int = 3, stride: int = 1, pooling: int = 2
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, shape, stride=stride, padding=shape // 2)
        self.bn = nn.BatchNorm1d(n_out)
        self.relu = nn.ReLU()
        self.mp = nn.MaxPool1d(pooling)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, T)."""
        return self.mp(self.relu(self.bn(self.conv(x))))


class Conv2d(nn.Module):
    """``Conv_2d``: 3x3 convolution, batch norm, ReLU, max-pool."""

    def __init__(self, n_in: int, n_out: int, pooling: Pair = 2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.bn = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU()
        self.mp = nn.MaxPool2d(pooling)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T)."""
        return self.mp(self.relu(self.bn(self.conv(x))))


class Res2d(nn.Module):
    """``Res_2d``: two 3x3 convolutions and a 3x3 shortcut where the shape changes."""

    def __init__(self, n_in: int, n_out: int, stride: Pair = 2) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)
        self.bn_1 = nn.BatchNorm2d(n_out)
        self.conv_2 = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.bn_2 = nn.BatchNorm2d(n_out)
        self.diff = stride != 1 or n_in != n_out
        if self.diff:
            self.conv_3 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)
            self.bn_3 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T)."""
        out = self.bn_2(self.conv_2(self.relu(self.bn_1(self.conv_1(x)))))
        if self.diff:
            x = self.bn_3(self.conv_3(x))
        return self.relu(x + out)


class Res2dPool(nn.Module):
    """``Res_2d_mp``: two 3x3 convolutions beside the identity, then a max-pool."""

    def __init__(self, n_channels: int, pooling: Pair = 2) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(n_channels, n_channels, 3, padding=1)
        self.bn_1 = nn.BatchNorm2d(n_channels)
        self.conv_2 = nn.Conv2d(n_channels, n_channels, 3, padding=1)
        self.bn_2 = nn.BatchNorm2d(n_channels)
        self.relu = nn.ReLU()
        self.mp = nn.MaxPool2d(pooling)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_channels, F, T)."""
        out = self.bn_2(self.conv_2(self.relu(self.bn_1(self.conv_1(x)))))
        return self.mp(self.relu(x + out))


class ResSE1d(nn.Module):
    """``ResSE_1d``: two convolutions, squeeze and excitation, shortcut, max-pool."""

    def __init__(
        self, n_in: int, n_out: int, shape: int = 3, stride: int = 1, pooling: int = 3
    ) -> None:
        super().__init__()
        padding = shape // 2
        self.conv_1 = nn.Conv1d(n_in, n_out, shape, stride=stride, padding=padding)
        self.bn_1 = nn.BatchNorm1d(n_out)
        self.conv_2 = nn.Conv1d(n_out, n_out, shape, padding=padding)
        self.bn_2 = nn.BatchNorm1d(n_out)
        self.dense1 = nn.Linear(n_out, n_out)
        self.dense2 = nn.Linear(n_out, n_out)
        self.diff = stride != 1 or n_in != n_out
        if self.diff:
            self.conv_3 = nn.Conv1d(n_in, n_out, shape, stride=stride, padding=padding)
            self.bn_3 = nn.BatchNorm1d(n_out)
        self.relu = nn.ReLU()
        self.mp = nn.MaxPool1d(pooling)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, T)."""
        out = self.bn_2(self.conv_2(self.relu(self.bn_1(self.conv_1(x)))))
        gate = torch.sigmoid(self.dense2(self.relu(self.dense1(out.mean(2)))))
        out = out * gate.unsqueeze(2)
        if self.diff:
            x = self.bn_3(self.conv_3(x))
        return self.mp(self.relu(x + out))


class ConvV(nn.Module):
    """``Conv_V``: a tall filter and the maximum over the rows that are left."""

    def __init__(self, n_in: int, n_out: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, shape, padding=(0, shape[1] // 2))
        self.bn = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 1, F, T) to (B, n_out, T)."""
        x = self.relu(self.bn(self.conv(x)))
        return nn.functional.max_pool2d(x, (x.size(2), 1)).squeeze(2)


class ConvH(nn.Module):
    """``Conv_H``: the mean over frequency, then a long filter."""

    def __init__(self, n_in: int, n_out: int, length: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, length, padding=length // 2)
        self.bn = nn.BatchNorm1d(n_out)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 1, F, T) to (B, n_out, T)."""
        x = nn.functional.avg_pool2d(x, (x.size(2), 1)).squeeze(2)
        return self.relu(self.bn(self.conv(x)))
