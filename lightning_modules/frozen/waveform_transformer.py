"""Transformers over a convolutional feature encoder of the waveform, in the manner of wav2vec 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from lightning_modules.frozen.encoder import numbered, standardised
from lightning_modules.frozen.transformers_network import TransformersEncoder, transformers


class WaveformTransformer(TransformersEncoder):
    """An encoder of transformers whose input is the waveform.

    Its layers are the input of the first block and the output of each block.

    Attributes:
        network_class: Name of the class in transformers; its configuration has the same name with
            ``Config`` in place of ``Model``.
    """

    network_class: ClassVar[str]
    ignored: ClassVar[tuple[str, ...]] = (
        "lm_head.", "classifier.", "projector.", "quantizer.", "project_q.", "project_hid.",
        "layer_weights", "final_proj.", "label_embs_concat",
    )  # fmt: skip

    def configuration(self, config: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the class of the network and its configuration."""
        library = transformers()
        config_class = getattr(library, self.network_class.removesuffix("Model") + "Config")
        return getattr(library, self.network_class), config_class(**config)

    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the states (B, frames, D) of all layers."""
        if self.extractor.get("do_normalize", True):
            audio = standardised(audio)
        return numbered(self.network(audio, output_hidden_states=True).hidden_states)

    @property
    def layer_widths(self) -> dict[str, int]:
        """Width of the blocks, one more time than there are blocks."""
        config = self.network.config
        return {f"layer_{n}": config.hidden_size for n in range(config.num_hidden_layers + 1)}
