"""Convolution followed by batch norm, fused into one convolution in evaluation.

Shapes: B windows, C channels, F frequency bands, T frames or samples.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_modules.layers import single_channel_conv

Convolution = nn.Conv1d | nn.Conv2d


class _SingleValueNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm that uses the running statistics if a batch has one value per channel.

    The last batch of an epoch may have a single window, for which the variance is undefined.
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


def conv_norm(conv: Convolution, norm: BatchNorm1d | BatchNorm2d, x: Tensor) -> Tensor:
    """Compute ``norm(conv(x))`` of (B, C, F, T); F is 1 for a 1-D convolution."""
    weight, bias, remaining_norm = fold_norm(conv, norm, x[0, 0].numel())
    if isinstance(conv, nn.Conv2d):
        y = single_channel_conv.conv2d(x, weight, bias, conv.stride, conv.padding)
    else:
        y = _conv1d(x, weight, bias, conv.stride[0], int(conv.padding[0]))
    return remaining_norm(y)


def _conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """Convolve (B, C, 1, T): torch has a channels-last layout for images only."""
    y = single_channel_conv.conv1d(x, weight, bias, stride, padding)
    if y is not None:
        return y
    weight = weight[:, :, None]
    if _is_slow_channels_last(x, weight):
        x, weight = x.contiguous(), weight.contiguous()
    return F.conv2d(x, weight, bias, (1, stride), (0, padding))


def _is_slow_channels_last(x: Tensor, weight: Tensor) -> bool:
    """Tell whether cuDNN has no fast kernel for a channels-last convolution.

    In float32 without TF32 that holds for filters wider than 3: the first dense layer of Musicnn
    takes 58 ms and 35 GiB instead of 0.3 ms and 3 MiB (H200, 64 windows, cuDNN 9.19).
    """
    if not x.is_cuda or weight.shape[-1] <= 3 or torch.is_autocast_enabled("cuda"):
        return False
    return x.dtype == torch.float32 and not torch.backends.cudnn.allow_tf32


def fold_norm(
    conv: Convolution, norm: BatchNorm1d | BatchNorm2d, positions: int
) -> tuple[Tensor, Tensor | None, nn.Module]:
    """Return weight and bias of a convolution, and the norm that remains to be applied.

    In evaluation the norm is folded into weight and bias, which saves a pass over the map.

    Args:
        conv: The convolution.
        norm: Batch norm of its output.
        positions: Size of a channel of the input. The norm is not folded into a larger kernel.
    """
    weight, bias, mean, var = conv.weight, conv.bias, norm.running_mean, norm.running_var
    plain = norm.training or torch.is_grad_enabled() or positions <= weight[0].numel()
    if plain or bias is None or mean is None or var is None:
        return weight, bias, norm
    scale = norm.weight * (var + norm.eps).rsqrt()
    shape = (-1,) + (1,) * (weight.ndim - 1)
    scaled = torch.mul(weight, scale.view(shape), out=torch.empty_like(weight))  # keeps strides
    return scaled, (bias - mean) * scale + norm.bias, nn.Identity()
