"""CLAP: an audio encoder, and the text encoder that was trained with it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from lightning_modules.frozen.encoder import numbered
from lightning_modules.frozen.transformers_network import (
    TransformersEncoder,
    extracted,
    transformers,
)


class Clap(TransformersEncoder):
    """Wu et al., ICASSP 2023: a Swin Transformer over a log-mel map, and RoBERTa.

    Its layers are the means over time and frequency of the patches and of the four stages;
    ``projected`` is the vector that is compared with texts. A folder of the audio part alone
    (``clap_audio_model``) gives an encoder without texts.
    """

    identity: ClassVar[str] = "Clap"
    model_types: ClassVar[tuple[str, ...]] = ("clap", "clap_audio_model")
    ignored: ClassVar[tuple[str, ...]] = ("text_model.embeddings.position_ids",)
    kept_files: ClassVar[tuple[str, ...]] = ("tokenizer.json", "tokenizer_config.json")
    default_seconds: ClassVar[float] = 10.0
    has_frames: ClassVar[bool] = False  # patches of time and frequency
    title: ClassVar[str] = "CLAP"
    paper: ClassVar[str] = "Wu et al., ICASSP 2023"
    bibtex: ClassVar[str] = """@inproceedings{wu2023clap,
  title={Large-Scale Contrastive Language-Audio Pretraining with Feature Fusion and
    Keyword-to-Caption Augmentation},
  author={Wu, Yusong and Chen, Ke and Zhang, Tianyu and Hui, Yuchen and Berg-Kirkpatrick, Taylor
    and Dubnov, Shlomo},
  booktitle={Proc. ICASSP}, year={2023}}"""

    @classmethod
    def longest_seconds(
        cls, config: Mapping[str, Any], extractor: Mapping[str, Any]
    ) -> float | None:
        """Return the duration that the log-mel map covers."""
        return float(extractor.get("max_length_s", 10))

    @classmethod
    def check_config(cls, config: Mapping[str, Any]) -> None:
        """Check that the encoder sees a window as it is.

        Raises:
            TagbenchError: It joins random crops of longer audio.
        """
        if config.get("audio_config", config).get("enable_fusion"):
            raise TagbenchError(
                "The CLAP of this folder joins random crops of long audio (enable_fusion: true). "
                "Only models without it are supported, such as laion/larger_clap_music and "
                "laion/clap-htsat-unfused."
            )

    def configuration(self, config: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the class of the network and its configuration."""
        library = transformers()
        if config["model_type"] == "clap":
            return library.ClapModel, library.ClapConfig(**config)
        return library.ClapAudioModelWithProjection, library.ClapAudioConfig(**config)

    @cached_property
    def extract(self) -> Any:
        """The feature extractor, whose filter bank takes a while to build."""
        return transformers().ClapFeatureExtractor(**self.extractor)

    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the states (B, positions, D) of all stages, and the projection."""
        features = extracted(self.extract, audio, self.sample_rate, "input_features")
        network = self.network
        result = network.audio_model(features, output_hidden_states=True)
        states = [state.flatten(2).transpose(1, 2) for state in result.hidden_states]
        return {**numbered(states), "projected": network.audio_projection(result.pooler_output)}

    @property
    def layer_widths(self) -> dict[str, int]:
        """Widths of the stages, each twice as wide as the one before, and of the projection."""
        config = self.network.audio_model.config
        last = len(config.depths) - 1
        sizes = [config.patch_embeds_hidden_size * 2 ** min(n, last) for n in range(last + 2)]
        widths = {f"layer_{number}": size for number, size in enumerate(sizes)}
        return {**widths, "projected": config.projection_dim}

    @property
    def logit_scale(self) -> float:
        """Factor of the cosine between audio and text in the published logits."""
        return float(self.network.logit_scale_a.exp())

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Map texts to vectors (N, D) of length one, to compare with ``projected``.

        Raises:
            TagbenchError: The folder had no text encoder or no tokenizer.
        """
        tokenizer = self.kept_file("tokenizer.json")
        if tokenizer is None or not hasattr(self.network, "text_model"):
            raise TagbenchError(
                "The CLAP checkpoint cannot read texts: its folder had no text encoder, or no "
                "tokenizer.json. Download config.json with model_type clap and tokenizer.json, and "
                "import the folder again: tagbench import-checkpoint FOLDER --model clap"
            )
        network = self.network
        settings = json.loads(self.kept_file("tokenizer_config.json") or b"{}")
        pad = settings.get("pad_token", "<pad>")
        tokenize = transformers().PreTrainedTokenizerFast(
            tokenizer_object=importlib.import_module("tokenizers").Tokenizer.from_buffer(tokenizer),
            pad_token=pad["content"] if isinstance(pad, Mapping) else pad,
        )
        most = network.text_model.config.max_position_embeddings - 2  # positions start after pad
        tokens = tokenize(
            list(texts), padding=True, truncation=True, max_length=most, return_tensors="pt"
        )
        with torch.inference_mode():
            states = network.text_model(
                input_ids=tokens["input_ids"].to(self.device),
                attention_mask=tokens["attention_mask"].to(self.device),
            )
            return F.normalize(network.text_projection(states.pooler_output), dim=-1)
