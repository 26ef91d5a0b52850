"""Folders of tiny pretrained encoders with random weights, as Hugging Face publishes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

transformers = pytest.importorskip("transformers")

SPEECH = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "conv_dim": [8, 8], "conv_stride": [5, 4], "conv_kernel": [10, 8], "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
AUDIO = {
    "window_size": 4, "num_mel_bins": 64, "spec_size": 256, "patch_size": 16,
    "patch_stride": [16, 16], "hidden_size": 32, "patch_embeds_hidden_size": 16,
    "depths": [1, 1], "num_attention_heads": [2, 2], "num_hidden_layers": 2,
}  # fmt: skip
TEXT = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "max_position_embeddings": 40,
}  # fmt: skip
WORDS = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "this",
    "is",
    "a",
    "song",
    ".",
    "sound",
    "of",
    "tone",
    "low",
    "high",
]


class Tiny(NamedTuple):
    """An encoder in tests.

    Attributes:
        model: Argument of ``--model``.
        network: Builds the network with random weights.
        extractor: Builds its feature extractor, None if it has none.
        rate: Its sample rate in Hz.
        seconds: Length of the windows.
    """

    model: str
    network: Callable[[], Any]
    extractor: Callable[[], Any] | None
    rate: int
    seconds: float


def _speech(config: str, network: str, **changes: Any) -> Callable[[], Any]:
    def build() -> Any:
        return getattr(transformers, network)(getattr(transformers, config)(**SPEECH | changes))

    return build


def _normalised(rate: int, normalise: bool) -> Callable[[], Any]:
    return lambda: transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=rate, do_normalize=normalise, feature_size=1
    )


def clap() -> Any:
    """Build a CLAP with an audio and a text part."""
    config = transformers.ClapConfig(text_config=TEXT, audio_config=AUDIO, projection_dim=12)
    return transformers.ClapModel(config)


def _unfused() -> Any:
    return transformers.ClapFeatureExtractor(truncation="rand_trunc")


TINY = (
    Tiny("hubert", _speech("HubertConfig", "HubertModel"), _normalised(16000, True), 16000, 0.2),
    Tiny(
        "mert",
        _speech(
            "HubertConfig", "HubertModel", do_stable_layer_norm=True, feat_extract_norm="layer"
        ),
        _normalised(24000, True), 24000, 0.2,
    ),
    Tiny(
        "wav2vec2", _speech("Wav2Vec2Config", "Wav2Vec2Model"), _normalised(16000, True), 16000, 0.2
    ),
    Tiny("wavlm", _speech("WavLMConfig", "WavLMModel"), _normalised(16000, False), 16000, 0.2),
    Tiny(
        "data2vec",
        _speech("Data2VecAudioConfig", "Data2VecAudioModel", num_conv_pos_embeddings=2),
        _normalised(16000, True), 16000, 0.2,
    ),
    Tiny(
        "ast",
        lambda: transformers.ASTModel(
            transformers.ASTConfig(
                hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
                max_length=40, num_mel_bins=32,
            )
        ),
        lambda: transformers.ASTFeatureExtractor(num_mel_bins=32, max_length=40),
        16000, 0.4,
    ),
    Tiny(
        "clap", clap, _unfused, 48000, 10.0
    ),
    Tiny(
        "encodec",
        lambda: transformers.EncodecModel(
            transformers.EncodecConfig(
                num_filters=4, hidden_size=16, upsampling_ratios=[4, 2], codebook_size=8,
                codebook_dim=16, num_lstm_layers=1, target_bandwidths=[24.0],
            )
        ),
        lambda: transformers.EncodecFeatureExtractor(), 24000, 0.2,
    ),
)  # fmt: skip


def save(tiny: Tiny, folder: Path, seed: int = 0) -> Any:
    """Write the folder of an encoder, and return its network in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # transformers draws initial weights from the global generator
        network = tiny.network().eval()
    # One encoder is published in several files.
    network.save_pretrained(folder, max_shard_size="20KB" if tiny.model == "wavlm" else "1GB")
    if tiny.extractor is not None:
        tiny.extractor().save_pretrained(folder)
    if tiny.model == "mert":
        config = (folder / "config.json").read_text(encoding="utf-8")
        changed = config.replace('"model_type": "hubert"', '"model_type": "mert_model"')
        (folder / "config.json").write_text(changed, encoding="utf-8")
    return network


def save_tokenizer(folder: Path) -> Any:
    """Write a tokenizer of whole words to the folder of a CLAP, and return it."""
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    words.normalizer = tokenizers.normalizers.Lowercase()
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>")
    tokenizer.save_pretrained(folder)
    return tokenizer
