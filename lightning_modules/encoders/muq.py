"""MuQ, whose network is that of the package muq."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from lightning_modules.frozen.encoder import FrozenEncoder, numbered
from lightning_modules.frozen.packages import package


class MuQ(FrozenEncoder):
    """Zhu et al. 2025: MuQ-large-msd-iter."""

    identity: ClassVar[str] = "MuQ"
    model_types: ClassVar[tuple[str, ...]] = ("", "muq")
    fixed_rate: ClassVar[int | None] = 24000
    title: ClassVar[str] = "MuQ"
    paper: ClassVar[str] = "Zhu et al., arXiv 2025"
    bibtex: ClassVar[str] = """@article{zhu2025muq,
  title={MuQ: Self-Supervised Music Representation Learning with Mel Residual Vector Quantization},
  author={Zhu, Haina and Zhou, Yizhi and Chen, Hangting and Yu, Jianwei and Ma, Ziyang and
    Gu, Rongzhi and Luo, Yi and Tan, Wei and Chen, Xie},
  journal={arXiv:2501.01108}, year={2025}}"""

    def build_network(self, config: Mapping[str, Any]) -> nn.Module:
        """Build the network of the package."""
        library = package("muq", "pip install muq")
        network: nn.Module = library.MuQ(library.MuQConfig(**_known(config)))
        return network

    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the states (B, frames, D) of all layers."""
        return numbered(self.network(audio, output_hidden_states=True).hidden_states)

    @property
    def layer_widths(self) -> dict[str, int]:
        """Width of the blocks, one more time than there are blocks."""
        config: Any = self.network.config
        return {f"layer_{n}": config.encoder_dim for n in range(config.encoder_depth + 1)}


def _known(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "model_type"}
