"""Convolutional blocks shared by the taggers of Won et al. 2020.

Attribute names are those of the reference implementation, so that its checkpoints load.
Shapes: B windows, C channels, F frequency bands, T frames or samples.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.layers.fused_batchnorm import BatchNorm1d, BatchNorm2d, conv_norm

Pair = int | tuple[int, int]


def conv2d(n_in: int, n_out: int, kernel: Pair, stride: Pair = 1) -> nn.Conv2d:
    """Build a 2-D convolution with half-kernel padding and channels-last weights.

    Channels-last weights give channels-last outputs. In this layout convolutions are 1.5 times as
    fast, and max-pools on a CPU five times.
    """
    rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
    layer = nn.Conv2d(n_in, n_out, kernel, stride, padding=(rows // 2, columns // 2))
    # Explicit strides, because with one input channel torch considers both layouts channels-last.
    strides = (n_in * rows * columns, 1, n_in * columns, n_in)
    weight = torch.empty_strided(layer.weight.shape, strides)
    layer.weight.data = weight.copy_(layer.weight.data)
    return layer


def conv1d(
    n_in: int, n_out: int, kernel: int, stride: int = 1, padding: int | None = None
) -> nn.Conv1d:
    """Build a 1-D convolution for ``conv_norm``; the default padding is half the kernel."""
    padding = kernel // 2 if padding is None else padding
    layer = nn.Conv1d(n_in, n_out, kernel, stride, padding)
    weight = torch.empty_strided(layer.weight.shape, (n_in * kernel, 1, n_in))
    layer.weight.data = weight.copy_(layer.weight.data)
    return layer


def pool_relu(x: Tensor, pooling: Pair) -> Tensor:
    """Compute ``max_pool(relu(x))`` of (B, C, F, T) without overlap; may write to ``x``.

    ReLU is monotone, so that it can follow the pool, where it has fewer values to process.
    """
    return (x if pooling in (1, (1, 1)) else F.max_pool2d(x, pooling)).relu_()


class ConvBlock1d(nn.Module):
    """Convolution, batch norm, ReLU, max-pool (``Conv_1d`` of the reference)."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int, *, stride: int = 1, pooling: int = 1
    ) -> None:
        super().__init__()
        self.conv = conv1d(n_in, n_out, kernel, stride)
        self.bn = BatchNorm1d(n_out)
        self.pooling = pooling

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, T) to (B, n_out, T // stride // pooling)."""
        x = conv_norm(self.conv, self.bn, x[:, :, None])
        return pool_relu(x, (1, self.pooling)).squeeze(2)


class ConvBlock2d(nn.Module):
    """Convolution, batch norm, ReLU, max-pool (``Conv_2d`` of the reference)."""

    def __init__(self, n_in: int, n_out: int, kernel: Pair = 3, *, pooling: Pair = 2) -> None:
        super().__init__()
        self.conv = conv2d(n_in, n_out, kernel)
        self.bn = BatchNorm2d(n_out)
        self.pooling = pooling

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, F // pooling, T // pooling)."""
        return pool_relu(conv_norm(self.conv, self.bn, x), self.pooling)


class ResBlock2d(nn.Module):
    """Two 3x3 convolutions with a 3x3 shortcut, then a max-pool.

    It is ``Res_2d`` of the reference with a stride, and ``Res_2d_mp`` (``Res2DMaxPool``) with a
    pool. The shortcut is a convolution if stride or channels change the shape, otherwise the
    identity. It is 3x3, where ResNets use 1x1.
    """

    def __init__(self, n_in: int, n_out: int, *, stride: Pair = 2, pooling: Pair = 1) -> None:
        super().__init__()
        self.conv_1 = conv2d(n_in, n_out, 3, stride)
        self.bn_1 = BatchNorm2d(n_out)
        self.conv_2 = conv2d(n_out, n_out, 3)
        self.bn_2 = BatchNorm2d(n_out)
        self.pooling = pooling
        self.projects = stride != 1 or n_in != n_out
        if self.projects:
            self.conv_3 = conv2d(n_in, n_out, 3, stride)
            self.bn_3 = BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, ceil(F / stride) // pooling, ...)."""
        y = conv_norm(self.conv_1, self.bn_1, x).relu_()
        y = conv_norm(self.conv_2, self.bn_2, y)
        y = y.add_(conv_norm(self.conv_3, self.bn_3, x) if self.projects else x)
        return pool_relu(y, self.pooling)
