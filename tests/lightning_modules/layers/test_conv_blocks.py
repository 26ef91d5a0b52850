"""Convolution blocks against their published order of layers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from datamodules.common.seeding import rng_for
from lightning_modules.architectures.sample_cnn_se import _ResSEBlock1d
from lightning_modules.layers.conv_blocks import ConvBlock1d, ConvBlock2d, conv2d


def test_convolutions_hand_on_channels_last():
    for n_in in (1, 6):
        x = conv2d(n_in, 4, 3)(torch.zeros(2, n_in, 8, 8))
        assert x.is_contiguous(memory_format=torch.channels_last)
        assert not x.is_contiguous()


def test_blocks_are_the_published_order_of_layers():
    """Convolution, norm, ReLU, pool: ours pools before the ReLU, to the same numbers."""
    x = torch.from_numpy(rng_for("map").standard_normal((2, 3, 9, 12))).float()
    block = ConvBlock2d(3, 8, pooling=(2, 4)).train()
    norm = nn.BatchNorm2d(8).train()
    published = F.max_pool2d(norm(block.conv(x)).relu(), (2, 4))
    torch.testing.assert_close(block(x), published)
    line = ConvBlock1d(3, 8, 3, stride=2, pooling=3).train()
    published = F.max_pool1d(nn.BatchNorm1d(8).train()(line.conv(x[:, :, 0])).relu(), 3)
    torch.testing.assert_close(line(x[:, :, 0]), published)
    assert line(x[:, :, 0])[:, :, None].is_contiguous(memory_format=torch.channels_last)


def test_blocks_with_squeeze_and_excitation_are_the_published_order():
    x = torch.from_numpy(rng_for("line").standard_normal((2, 3, 30))).float()
    block = _ResSEBlock1d(3, 8, 3, stride=3, pooling=3).eval()
    y = block.bn_2(block.conv_2(block.bn_1(block.conv_1(x)).relu()))
    weight = block.dense2(block.dense1(y.mean(2)).relu()).sigmoid()
    published = F.max_pool1d((y * weight[:, :, None] + block.bn_3(block.conv_3(x))).relu(), 3)
    torch.testing.assert_close(block(x), published)
