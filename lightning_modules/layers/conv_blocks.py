"""Building blocks shared by the taggers of Won et al. 2020.

Attribute names are those of the reference implementation, whose checkpoints they must fit.
Shapes: B windows, C channels, F frequency bands, T frames or samples.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.layers import single_channel_conv

Pair = int | tuple[int, int]
Convolution = nn.Conv1d | nn.Conv2d


class _SingleValueNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm that takes the running statistics where a batch has one value per channel.

    The last batch of an epoch may hold a single window, whose variance does not exist.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, ...)."""
        if self.training and x.numel() == x.shape[1]:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


class BatchNorm1d(_SingleValueNorm, nn.BatchNorm1d):
    """Batch norm of (B, C), (B, C, T) or (B, C, 1, T), safe on a single value per channel."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim != 4:
            super()._check_input_dim(input)


class BatchNorm2d(_SingleValueNorm, nn.BatchNorm2d):
    """Batch norm of (B, C, F, T), safe on a single value per channel."""


def conv2d(n_in: int, n_out: int, kernel: Pair, stride: Pair = 1) -> nn.Conv2d:
    """Make a 2-D convolution with half-kernel padding that works channels-last.

    Channels-last weights carry that layout to all that follows: convolutions gain half their
    speed by it, and max-pools on a CPU five times theirs.
    """
    rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
    layer = nn.Conv2d(n_in, n_out, kernel, stride, padding=(rows // 2, columns // 2))
    # Strides by hand, because with one input channel torch calls either layout channels-last.
    strides = (n_in * rows * columns, 1, n_in * columns, n_in)
    weight = torch.empty_strided(layer.weight.shape, strides)
    layer.weight.data = weight.copy_(layer.weight.data)
    return layer


def conv1d(n_in: int, n_out: int, kernel: int, stride: int = 1) -> nn.Conv1d:
    """Make a 1-D convolution with half-kernel padding, for ``conv_norm``."""
    layer = nn.Conv1d(n_in, n_out, kernel, stride, padding=kernel // 2)
    weight = torch.empty_strided(layer.weight.shape, (n_in * kernel, 1, n_in))
    layer.weight.data = weight.copy_(layer.weight.data)
    return layer


def conv_norm(conv: Convolution, norm: BatchNorm1d | BatchNorm2d, x: Tensor) -> Tensor:
    """Compute ``norm(conv(x))`` of (B, C, F, T); F is 1 for a 1-D convolution."""
    weight, bias, norm_left = kernel(conv, norm, x[0, 0].numel())
    if isinstance(conv, nn.Conv2d):
        y = single_channel_conv.conv2d(x, weight, bias, conv.stride, conv.padding)
    else:
        # As a map of a single row: torch has a channels-last layout for images only.
        stride, padding = conv.stride[0], conv.kernel_size[0] // 2
        y = F.conv2d(x, weight[:, :, None], bias, (1, stride), (0, padding))
    return norm_left(y)


def kernel(
    conv: Convolution, norm: BatchNorm1d | BatchNorm2d, positions: int
) -> tuple[Tensor, Tensor | None, nn.Module]:
    """Return weight and bias of a convolution, and the norm that is left to apply.

    Where nothing is learned, the norm goes into the kernel: the same numbers, without another
    pass over the map.

    Args:
        conv: The convolution.
        norm: Batch norm of its output.
        positions: Size of a channel of the input. A kernel larger than that is left alone.
    """
    weight, bias, mean, var = conv.weight, conv.bias, norm.running_mean, norm.running_var
    plain = norm.training or torch.is_grad_enabled() or positions <= weight[0].numel()
    if plain or bias is None or mean is None or var is None:
        return weight, bias, norm
    scale = norm.weight * (var + norm.eps).rsqrt()
    shape = (-1,) + (1,) * (weight.ndim - 1)
    scaled = torch.mul(weight, scale.view(shape), out=torch.empty_like(weight))  # keeps strides
    return scaled, (bias - mean) * scale + norm.bias, nn.Identity()


def pool_relu(x: Tensor, pooling: Pair) -> Tensor:
    """Compute ``max_pool(relu(x))`` of (B, C, F, T), without overlap between pools; may alter x.

    ReLU is monotone: behind the pool it gives the same and has less to do.
    """
    return (x if pooling in (1, (1, 1)) else F.max_pool2d(x, pooling)).relu_()


class ConvBlock1d(nn.Module):
    """Convolution, batch norm, ReLU, max-pool (the reference's ``Conv_1d``)."""

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
    """Convolution, batch norm, ReLU, max-pool (the reference's ``Conv_2d``)."""

    def __init__(self, n_in: int, n_out: int, kernel: Pair = 3, *, pooling: Pair = 2) -> None:
        super().__init__()
        self.conv = conv2d(n_in, n_out, kernel)
        self.bn = BatchNorm2d(n_out)
        self.pooling = pooling

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, F // pooling, T // pooling)."""
        return pool_relu(conv_norm(self.conv, self.bn, x), self.pooling)


class ResBlock2d(nn.Module):
    """Two 3x3 convolutions beside a 3x3 shortcut (the reference's ``Res_2d``).

    The shortcut is a convolution only where stride or channels change the shape; it is 3x3
    where ResNets have 1x1.
    """

    def __init__(self, n_in: int, n_out: int, *, stride: Pair = 2) -> None:
        super().__init__()
        self.conv_1 = conv2d(n_in, n_out, 3, stride)
        self.bn_1 = BatchNorm2d(n_out)
        self.conv_2 = conv2d(n_out, n_out, 3)
        self.bn_2 = BatchNorm2d(n_out)
        self.projects = stride != 1 or n_in != n_out
        if self.projects:
            self.conv_3 = conv2d(n_in, n_out, 3, stride)
            self.bn_3 = BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, F, T) to (B, n_out, ceil(F / stride), ceil(T / stride))."""
        y = conv_norm(self.conv_1, self.bn_1, x).relu_()
        y = conv_norm(self.conv_2, self.bn_2, y)
        return y.add_(conv_norm(self.conv_3, self.bn_3, x) if self.projects else x).relu_()


class PoolResBlock2d(nn.Module):
    """Two 3x3 convolutions beside an identity shortcut, then a pool (``Res_2d_mp``)."""

    def __init__(self, channels: int, *, pooling: Pair = 2) -> None:
        super().__init__()
        self.conv_1 = conv2d(channels, channels, 3)
        self.bn_1 = BatchNorm2d(channels)
        self.conv_2 = conv2d(channels, channels, 3)
        self.bn_2 = BatchNorm2d(channels)
        self.pooling = pooling

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, F, T) to (B, C, F // pooling, T // pooling)."""
        y = conv_norm(self.conv_1, self.bn_1, x).relu_()
        return pool_relu(conv_norm(self.conv_2, self.bn_2, y).add_(x), self.pooling)


class DenseHead(nn.Module):
    """Mixin of the two-layer classifier: dense1, bn, ReLU, dropout 0.5, dense2.

    A mixin and not a child, because the reference keeps these layers at the top level.
    """

    dense1: nn.Linear
    bn: BatchNorm1d
    dropout: nn.Dropout
    dense2: nn.Linear

    def add_head(self, n_in: int, n_hidden: int, n_tags: int) -> None:
        """Make the layers."""
        self.dense1 = nn.Linear(n_in, n_hidden)
        self.bn = BatchNorm1d(n_hidden)
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(n_hidden, n_tags)

    def head(self, x: Tensor) -> Tensor:
        """Map features (B, n_in) to logits (B, C)."""
        return self.dense2(self.dropout(self.bn(self.dense1(x)).relu()))
