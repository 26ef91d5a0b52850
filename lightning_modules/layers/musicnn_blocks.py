"""Musically motivated filters (Pons et al. 2018), and front and back end built from them.

Attribute names are those of the reference implementations in torch, so that their checkpoints load.
In the released taggers of Pons and Serra 2019 (`Timbral`, `Temporal`, `Dense`) batch norm follows
the ReLU, so that it cannot be folded into the convolution.
Shapes: B windows, F frequency bands, T frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.layers.conv_blocks import conv1d, pool_relu
from lightning_modules.layers.fused_batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    conv_norm,
    fold_norm,
)
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm


def rows_under_kernel(x: Tensor, height: int) -> Tensor:
    """Return the ``height`` rows below each row of a map as channels.

    A convolution with one input channel and a tall kernel vectorises badly. With the rows under the
    kernel as channels, training is five times as fast on a CPU.

    Args:
        x: Map (B, n_in, F, T).
        height: Rows of the kernel.

    Returns:
        (B, n_in * height, F - height + 1, T), channels last.
    """
    rows = x.unfold(2, height, 1).permute(0, 2, 3, 1, 4).flatten(3)
    return rows.contiguous().permute(0, 3, 1, 2)


def convolve_rows(
    rows: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]
) -> Tensor:
    """Apply kernels (n_out, n_in, height, width) to the result of `rows_under_kernel`."""
    return F.conv2d(rows, weight.flatten(1, 2)[:, :, None], bias, padding=padding)


class Timbre(nn.Module):
    """Tall (timbral) filters, followed by a maximum over frequency, for invariance to pitch."""

    def __init__(self, n_in: int, n_out: int, height: int, width: int = 7) -> None:
        super().__init__()
        self.padding = (0, width // 2)
        self.conv = nn.Conv2d(n_in, n_out, (height, width), padding=self.padding)
        self.bn = BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, T)."""
        rows = rows_under_kernel(x, self.conv.weight.shape[2])
        weight, bias, norm = fold_norm(self.conv, self.bn, rows[0, 0].numel())
        y = convolve_rows(rows, weight, bias, self.padding)
        # The gradient of a pool keeps the layout. That of amax makes batch norm ten times slower.
        return pool_relu(norm(y), (y.shape[2], 1)).squeeze(2)


class Rhythm(nn.Module):
    """Long (temporal) filters over the mean of all bands."""

    def __init__(self, n_in: int, n_out: int, length: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, length, padding=length // 2)
        self.bn = BatchNorm1d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, T)."""
        return self.bn(self.conv(x.mean(2))).relu()


class FilterBankFront(nn.Module):
    """Filters of ten shapes on a spectrogram of 96 bands, as in Won et al. 2019.

    Heights are 90 % and 40 % of the bands; the wider a filter, the fewer of them.

    Args:
        n_channels: Filters of the widest shapes, c; there are 29 c in all.
        width: Channels of a 1x1 convolution over all of them; None leaves it out.
    """

    def __init__(self, n_channels: int, width: int | None) -> None:
        super().__init__()
        c = n_channels
        self.input_bn = SpectrogramNorm(1)
        timbres = [(c, 7), (2 * c, 3), (4 * c, 1)]
        rhythms = [(c, 165), (2 * c, 129), (4 * c, 65), (8 * c, 33)]
        self.layers = nn.ModuleList(
            [
                *(Timbre(1, n, height, length) for height in (86, 38) for n, length in timbres),
                *(Rhythm(1, n, length) for n, length in rhythms),
            ]
        )
        self.n_out = width or 29 * c
        self.mixes = width is not None
        if self.mixes:
            self.conv1x1 = conv1d(29 * c, self.n_out, 1)
            self.bn = BatchNorm1d(self.n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map decibels (B, 1, 96, T) to (B, n_out, T)."""
        x = self.input_bn(x)
        x = torch.cat([layer(x) for layer in self.layers], 1)  # (B, 29 c, T)
        if not self.mixes:
            return x
        return conv_norm(self.conv1x1, self.bn, x[:, :, None]).relu_().squeeze(2)


class ConvBack(nn.Module):
    """Three convolutions with shortcuts, maximum and mean over time, one dense layer.

    Args:
        n_in: Channels of the front end.
        width: Channels of the convolutions.
        n_hidden: Outputs of the dense layer.
    """

    def __init__(self, n_in: int, width: int = 512, n_hidden: int = 500) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv1d(n_in, width, 7), BatchNorm1d(width)
        self.conv2, self.bn2 = conv1d(width, width, 7), BatchNorm1d(width)
        self.conv3, self.bn3 = conv1d(width, width, 7), BatchNorm1d(width)
        self.dense, self.bn4 = nn.Linear(2 * width, n_hidden), BatchNorm1d(n_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, n_in) to (B, n_hidden)."""
        x = x.mT[:, :, None]  # (B, n_in, 1, T)
        x = conv_norm(self.conv1, self.bn1, x).relu_()
        x = F.max_pool2d(conv_norm(self.conv2, self.bn2, x).relu_() + x, (1, 2))
        x = conv_norm(self.conv3, self.bn3, x).relu_() + x
        x = x.squeeze(2)  # (B, width, T // 2)
        return self.bn4(self.dense(torch.cat([x.amax(2), x.mean(2)], 1))).relu_()


def tf_norm1d(channels: int) -> BatchNorm1d:
    """Build a batch norm with the constants of TensorFlow, as the released taggers have it."""
    return BatchNorm1d(channels, eps=1e-3, momentum=0.01)


def tf_norm2d(channels: int) -> BatchNorm2d:
    """Build a batch norm of maps with the constants of TensorFlow."""
    return BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Timbral(nn.Module):
    """Filters over a share of the bands and 7 frames, ReLU, batch norm, maximum over frequency."""

    def __init__(self, n_out: int, height: int, width: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, n_out, (height, width), padding=(0, width // 2))
        self.bn = tf_norm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 1, F, T) to (B, n_out, T)."""
        rows = rows_under_kernel(x, self.conv.weight.shape[2])
        padding = (0, self.conv.weight.shape[3] // 2)
        y = convolve_rows(rows, self.conv.weight, self.conv.bias, padding)
        return highest(self.bn(y.relu_()))


class Temporal(nn.Module):
    """Filters along the frames of each band, ReLU, batch norm, maximum over frequency."""

    def __init__(self, n_out: int, length: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, n_out, (1, length))
        self.bn = tf_norm2d(n_out)
        # TensorFlow pads an even kernel by one more zero at the right.
        self.padding = ((length - 1) // 2, length // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 1, F, T) to (B, n_out, T)."""
        return highest(self.bn(self.conv(F.pad(x, self.padding)).relu_()))


def highest(x: Tensor) -> Tensor:
    """Map (B, C, F, T) to its maximum over frequency (B, C, T)."""
    return F.max_pool2d(x, (x.shape[2], 1)).squeeze(2)  # keeps the layout, see `Timbre`


class Dense(nn.Module):
    """Convolution along the frames, ReLU, batch norm."""

    def __init__(self, n_in: int, n_out: int, length: int = 7) -> None:
        super().__init__()
        self.conv = conv1d(n_in, n_out, length)
        self.bn = tf_norm1d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, T) to (B, n_out, T)."""
        return self.bn(self.conv(x).relu_())
