"""The convolutional branch of the retrieval models, from a spectrogram to the vector of a song."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_modules.layers.conv_blocks import ConvBlock2d

MIN_FRAMES = 128
"""Seven pools reduce this many frames to one."""


class SongBranch(nn.Module):
    """Mixin of a batch norm, seven 3x3 convolutions with pools, and a 1x1 convolution.

    It is not a submodule, because these layers are at the top level of the reference's state dict.
    """

    spec_bn: nn.BatchNorm2d

    def add_song_branch(self, size: int) -> None:
        """Add the layers to the module.

        Args:
            size: Values of the vector of a song.
        """
        self.spec_bn = nn.BatchNorm2d(1)
        channels = (1, 128, 128, 256, 256, 256, 256, 512)
        for number in range(1, 8):
            block = ConvBlock2d(channels[number - 1], channels[number])
            self.add_module(f"layer{number}", block)
        self.add_module("layer8", ConvBlock2d(512, size, kernel=1, pooling=1))

    def song_vector(self, levels: Tensor) -> Tensor:
        """Map levels (B, 1, 128, frames) to non-negative vectors (B, size).

        The maximum over time follows a ReLU, so that no value is negative.
        """
        x = self.spec_bn(levels)  # (B, 1, 128, 173)
        for number in range(1, 9):
            x = self.get_submodule(f"layer{number}")(x)  # at last (B, size, 1, 1)
        return x.amax((2, 3))
