"""Audio Spectrogram Transformer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor

from lightning_modules.frozen.encoder import numbered
from lightning_modules.frozen.transformers_network import (
    TransformersEncoder,
    extracted,
    transformers,
)


class AudioSpectrogramTransformer(TransformersEncoder):
    """Gong et al., Interspeech 2021: a Transformer over patches of a log-mel map.

    Its layers are the means over the patches; ``pooled`` is the mean of its two summary tokens,
    from which the published model predicts classes.
    """

    identity: ClassVar[str] = "AudioSpectrogramTransformer"
    model_types: ClassVar[tuple[str, ...]] = ("audio-spectrogram-transformer",)
    ignored: ClassVar[tuple[str, ...]] = ("classifier.",)
    default_seconds: ClassVar[float] = 10.0
    has_frames: ClassVar[bool] = False  # patches of time and frequency
    title: ClassVar[str] = "AST"
    paper: ClassVar[str] = "Gong et al., Interspeech 2021"
    bibtex: ClassVar[str] = """@inproceedings{gong2021ast,
  title={AST: Audio Spectrogram Transformer},
  author={Gong, Yuan and Chung, Yu-An and Glass, James},
  booktitle={Proc. Interspeech}, year={2021}}"""

    @classmethod
    def longest_seconds(
        cls, config: Mapping[str, Any], extractor: Mapping[str, Any]
    ) -> float | None:
        """Return the duration of the frames that the network sees, which are 10 ms apart."""
        return float(config.get("max_length", 1024)) / 100

    def configuration(self, config: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the class of the network and its configuration."""
        library = transformers()
        return library.ASTModel, library.ASTConfig(**config)

    @cached_property
    def extract(self) -> Any:
        """The feature extractor, whose filter bank takes a while to build."""
        return transformers().ASTFeatureExtractor(**self.extractor)

    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the states (B, patches, D) of all layers, and the pooled state."""
        features = extracted(self.extract, audio, self.sample_rate, "input_values")
        result = self.network(features, output_hidden_states=True)
        patches = [state[:, 2:] for state in result.hidden_states]  # two summary tokens come first
        return {**numbered(patches), "pooled": result.pooler_output}

    @property
    def layer_widths(self) -> dict[str, int]:
        """Width of the blocks, also of the pooled state."""
        config = self.network.config
        names = [f"layer_{n}" for n in range(config.num_hidden_layers + 1)]
        return dict.fromkeys([*names, "pooled"], config.hidden_size)
