"""A retrieval model that is small enough to train in a test."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from lightning_modules.architectures.retrieval_model import RetrievalModel

WINDOW = 800


class SmallRetrieval(RetrievalModel):
    """Embeddings of songs from one dense layer, and word vectors of two values."""

    identity: ClassVar[str] = "SmallRetrieval"
    input_samples = WINDOW
    title: ClassVar[str] = "small retrieval"
    paper: ClassVar[str] = "none"

    def __init__(self, *, word_size: int = 2, **base: Any) -> None:
        super().__init__(word_size=word_size, **base)
        self.dense = nn.Linear(WINDOW, 256)

    def encode(self, inputs: Tensor) -> Tensor:
        return self.dense(inputs)
