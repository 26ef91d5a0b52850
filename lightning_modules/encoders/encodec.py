"""Encoder of the EnCodec codec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from datamodules.common.errors import TagbenchError
from lightning_modules.frozen.encoder import numbered
from lightning_modules.frozen.transformers_network import TransformersEncoder, transformers


class Encodec(TransformersEncoder):
    """Défossez et al., TMLR 2023: the output of the encoder, before it is quantised."""

    identity: ClassVar[str] = "Encodec"
    model_types: ClassVar[tuple[str, ...]] = ("encodec",)
    title: ClassVar[str] = "EnCodec"
    paper: ClassVar[str] = "Défossez et al., TMLR 2023"
    bibtex: ClassVar[str] = """@article{defossez2023high,
  title={High Fidelity Neural Audio Compression},
  author={D{\\'e}fossez, Alexandre and Copet, Jade and Synnaeve, Gabriel and Adi, Yossi},
  journal={Trans. Mach. Learn. Res.}, year={2023}}"""

    @classmethod
    def check_config(cls, config: Mapping[str, Any]) -> None:
        """Check that the codec takes one channel.

        Raises:
            TagbenchError: It takes two, or changes the level of its input.
        """
        if config.get("audio_channels", 1) != 1 or config.get("normalize", False):
            raise TagbenchError(
                "The EnCodec of this folder takes normalised stereo audio. Only the model for one "
                "channel is supported: facebook/encodec_24khz."
            )

    def configuration(self, config: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the class of the codec and its configuration."""
        library = transformers()
        return library.EncodecModel, library.EncodecConfig(**config)

    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the latent vectors (B, frames, D)."""
        return numbered([self.network.encoder(audio[:, None]).transpose(1, 2)])

    @property
    def layer_widths(self) -> dict[str, int]:
        """Width of the latent vectors."""
        config = self.network.config
        return {"layer_0": config.hidden_size}
