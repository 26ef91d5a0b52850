"""Sample-level CNN with squeeze-and-excitation (Kim et al. 2018), as in Won et al. 2020."""

from __future__ import annotations

from typing import ClassVar, Unpack

from torch import Tensor, nn

from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import conv1d, pool_relu
from lightning_modules.layers.dense_head import DenseHead
from lightning_modules.layers.fused_batchnorm import BatchNorm1d, conv_norm


class _ResSEBlock1d(nn.Module):
    """Two convolutions with squeeze-and-excitation and a shortcut, then a max-pool.

    The excitation network has no bottleneck, unlike that of SENet.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel: int, *, stride: int = 1, pooling: int = 1
    ) -> None:
        super().__init__()
        self.conv_1 = conv1d(n_in, n_out, kernel, stride)
        self.bn_1 = BatchNorm1d(n_out)
        self.conv_2 = conv1d(n_out, n_out, kernel)
        self.bn_2 = BatchNorm1d(n_out)
        self.dense1 = nn.Linear(n_out, n_out)
        self.dense2 = nn.Linear(n_out, n_out)
        self.projects = stride != 1 or n_in != n_out
        if self.projects:
            self.conv_3 = conv1d(n_in, n_out, kernel, stride)
            self.bn_3 = BatchNorm1d(n_out)
        self.pooling = pooling

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, T) to (B, n_out, T // stride // pooling)."""
        x = x[:, :, None]  # (B, n_in, 1, T)
        y = conv_norm(self.conv_1, self.bn_1, x).relu_()
        y = conv_norm(self.conv_2, self.bn_2, y)
        weight = self.dense2(self.dense1(y.mean((2, 3))).relu()).sigmoid()  # (B, n_out)
        shortcut = conv_norm(self.conv_3, self.bn_3, x) if self.projects else x
        y = (y * weight[:, :, None, None]).add_(shortcut)
        return pool_relu(y, (1, self.pooling)).squeeze(2)


class SampleCNNSE(DenseHead, TaggingModule):
    """Sample-level CNN with residual squeeze-and-excitation blocks.

    6,951,858 parameters at 50 tags. There is no front end.

    Args:
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "SampleCNNSE"
    input_samples = 59049
    min_samples = 59049
    max_samples: int | None = 2 * 59049 - 3  # longer audio leaves two points
    title: ClassVar[str] = "Sample-level CNN + SE"
    paper: ClassVar[str] = "Kim et al., ICASSP 2018; Won et al., SMC 2020, row Sample-level + SE"
    bibtex: ClassVar[str] = """@inproceedings{kim2018sample,
  title={Sample-level {CNN} architectures for music auto-tagging using raw waveforms},
  author={Kim, Taejun and Lee, Jongpil and Nam, Juhan},
  booktitle={Proc. ICASSP}, year={2018}}"""

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.layer1 = _ResSEBlock1d(1, 128, 3, stride=3)
        self.layer2 = _ResSEBlock1d(128, 128, 3, pooling=3)
        self.layer3 = _ResSEBlock1d(128, 128, 3, pooling=3)
        self.layer4 = _ResSEBlock1d(128, 256, 3, pooling=3)
        self.layer5 = _ResSEBlock1d(256, 256, 3, pooling=3)
        self.layer6 = _ResSEBlock1d(256, 256, 3, pooling=3)
        self.layer7 = _ResSEBlock1d(256, 256, 3, pooling=3)
        self.layer8 = _ResSEBlock1d(256, 256, 3, pooling=3)
        self.layer9 = _ResSEBlock1d(256, 256, 3, pooling=3)
        self.layer10 = _ResSEBlock1d(256, 512, 3, pooling=3)
        self.layer11 = _ResSEBlock1d(512, 512, 1)
        self.add_head(512, 512, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        self.check_length(audio)
        x = self.layer1(audio[:, None])  # (B, 128, 19683)
        x = self.layer2(x)  # (B, 128, 6561)
        x = self.layer3(x)  # (B, 128, 2187)
        x = self.layer4(x)  # (B, 256, 729)
        x = self.layer5(x)  # (B, 256, 243)
        x = self.layer6(x)  # (B, 256, 81)
        x = self.layer7(x)  # (B, 256, 27)
        x = self.layer8(x)  # (B, 256, 9)
        x = self.layer9(x)  # (B, 256, 3)
        x = self.layer10(x)  # (B, 512, 1)
        x = self.layer11(x)  # (B, 512, 1)
        return self.head(x.squeeze(-1))  # (B, C)
