"""What the layers do for speed leaves the numbers alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.seeding import rng_for
from lightning_modules.layers import single_channel_conv
from lightning_modules.layers.conv_blocks import (
    ConvBlock2d,
    ResBlock2d,
    conv1d,
    conv2d,
)
from lightning_modules.layers.fused_batchnorm import BatchNorm1d, BatchNorm2d, conv_norm, fold_norm


def normal(*shape: int) -> Tensor:
    return torch.from_numpy(rng_for("layers", *shape).standard_normal(shape)).float()


def trained(norm: nn.modules.batchnorm._BatchNorm) -> nn.modules.batchnorm._BatchNorm:
    """Give a norm statistics and scales of both signs, as training does."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    n = norm.num_features
    with torch.no_grad():
        norm.running_mean.copy_(normal(n))
        norm.running_var.copy_(0.5 + normal(n, 1)[:, 0].square())
        norm.weight.copy_(normal(n, 2)[:, 0])
        norm.bias.copy_(normal(n, 3)[:, 0])
    return norm


@pytest.mark.parametrize("n_in", [1, 3])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_norm_inside_the_kernel_gives_the_same(n_in: int, dimensions: int) -> None:
    x = normal(2, n_in, 20 if dimensions == 2 else 1, 30)
    conv: nn.Conv1d | nn.Conv2d
    if dimensions == 1:
        conv, norm = conv1d(n_in, 8, 3, 2), trained(BatchNorm1d(8)).eval()
        expected = norm(F.conv1d(x[:, :, 0], conv.weight, conv.bias, 2, 1))[:, :, None]
    else:
        conv, norm = conv2d(n_in, 8, (3, 5), (2, 1)), trained(BatchNorm2d(8)).eval()
        expected = norm(F.conv2d(x, conv.weight, conv.bias, (2, 1), (1, 2)))
    with torch.inference_mode():
        weight, _, left = fold_norm(conv, norm, x[0, 0].numel())
        assert isinstance(left, nn.Identity)
        assert weight.stride() == conv.weight.stride()  # or the layout would be lost
        torch.testing.assert_close(conv_norm(conv, norm, x), expected, rtol=1e-5, atol=1e-5)


def test_norm_stays_outside_where_it_is_learned_or_the_map_is_small() -> None:
    conv, norm = conv2d(3, 8, 3), trained(BatchNorm2d(8))
    assert fold_norm(conv, norm.eval(), 100)[2] is norm  # gradients are on
    with torch.no_grad():
        assert fold_norm(conv, norm.train(), 100)[2] is norm
        assert fold_norm(conv, norm.eval(), 27)[2] is norm
        assert fold_norm(conv, norm, 28)[2] is not norm


@pytest.mark.parametrize(
    "block",
    [ConvBlock2d(4, 4), ResBlock2d(4, 4, stride=1), ResBlock2d(4, 4, stride=1, pooling=2)],
)
def test_blocks_leave_their_input_alone(block: nn.Module) -> None:
    x = normal(2, 4, 8, 8).contiguous(memory_format=torch.channels_last)
    kept = x.clone()
    block.train()(x)
    with torch.inference_mode():
        block.eval()(x)
    assert torch.equal(x, kept)


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("size", [(3, 3), (5, 3)])
def test_one_channel_has_the_gradients_of_a_convolution(
    stride: tuple[int, int], size: tuple[int, int]
) -> None:
    conv = conv2d(1, 8, size, stride).double()
    x = normal(3, 1, 12, 17).double().requires_grad_()
    arguments = (conv.weight, conv.bias, stride, conv.padding)
    expected, got = F.conv2d(x, *arguments), single_channel_conv.conv2d(x, *arguments)
    torch.testing.assert_close(got, expected)
    assert "_OneChannel" in type(got.grad_fn).__name__
    learned, grad = (x, conv.weight, conv.bias), normal(*got.shape).double()
    for ours, theirs in zip(
        torch.autograd.grad(got, learned, grad), torch.autograd.grad(expected, learned, grad),
        strict=True,
    ):  # fmt: skip
        torch.testing.assert_close(ours, theirs)


def test_one_channel_learns_under_autocast() -> None:
    conv, x = conv2d(1, 8, 3), normal(3, 1, 12, 17).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = single_channel_conv.conv2d(x, conv.weight, conv.bias, (1, 1), (1, 1))
    assert y.dtype == torch.bfloat16
    grads = torch.autograd.grad(y.float().square().mean(), (x, conv.weight, conv.bias))
    exact = F.conv2d(x, conv.weight, conv.bias, 1, 1)
    expected = torch.autograd.grad(exact.square().mean(), (x, conv.weight, conv.bias))
    for ours, theirs in zip(grads, expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_other_convolutions_are_left_to_torch() -> None:
    conv = conv2d(1, 8, 3)
    fixed = single_channel_conv.conv2d(normal(1, 1, 9, 9), conv.weight, conv.bias, (1, 1), (1, 1))
    wide = conv2d(2, 8, 3)
    x = normal(1, 2, 9, 9).requires_grad_()
    assert "Convolution" in type(fixed.grad_fn).__name__
    got = single_channel_conv.conv2d(x, wide.weight, wide.bias, (1, 1), (1, 1))
    assert "Convolution" in type(got.grad_fn).__name__


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(9, 4, 4), (3, 3, 0)])
def test_a_product_is_the_convolution_of_samples(kernel: int, stride: int, padding: int) -> None:
    x, weight, bias = normal(2, 1, 1, 301), normal(8, 1, kernel), normal(8, 1)[:, 0]
    expected = F.conv2d(x, weight[:, :, None], bias, (1, stride), (0, padding))
    y = single_channel_conv.product(x, weight, bias, stride, padding)
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-5)
